"""How long a training lasts, when it is evaluated, and its learning rate as a pure function of the step."""

from __future__ import annotations

import bisect
import math

from experiments.config.schema import ImageRecipe, Recipe, TextRecipe


class Schedule:
    """Steps are optimiser steps, counted from 0. Recipes for images count epochs, those for text steps."""

    def __init__(self, recipe: Recipe, steps_per_epoch: int) -> None:
        self.recipe, self.steps_per_epoch = recipe, steps_per_epoch
        if isinstance(recipe, TextRecipe):
            self.total, self.warmup, self.eval_every = recipe.steps, recipe.warmup_steps, recipe.eval_every_steps
        else:
            assert isinstance(recipe, ImageRecipe)
            self.total = recipe.epochs * steps_per_epoch
            self.warmup = round(recipe.warmup_epochs * steps_per_epoch)
            self.eval_every = recipe.eval_every * steps_per_epoch
        if recipe.max_steps is not None:
            self.total = min(self.total, recipe.max_steps)

    def rate(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, then constant, steps, or a line or half cosine down to the end."""
        recipe = self.recipe
        if step < self.warmup:
            return recipe.lr * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.total - self.warmup)
        if isinstance(recipe, ImageRecipe):
            if recipe.schedule == "step":
                drops = bisect.bisect_right(recipe.milestones, step / self.steps_per_epoch)
                return recipe.lr * recipe.lr_factor**drops
            return recipe.lr * cosine(done) if recipe.schedule == "cosine" else recipe.lr
        assert isinstance(recipe, TextRecipe)
        left = {"constant": 1.0, "linear": 1 - done, "cosine": cosine(done)}[recipe.schedule]
        return recipe.lr * (recipe.final_lr + (1 - recipe.final_lr) * left)


def cosine(done: float) -> float:
    """Half a cosine from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * done))
