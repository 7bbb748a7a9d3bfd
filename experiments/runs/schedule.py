"""The length of a training, its evaluations, and its learning rate as a pure function of the step."""

from __future__ import annotations

import bisect
import math

from experiments.config.schema import Recipe
from experiments.errors import UserError


class Schedule:
    """Steps are optimiser steps, counted from 0. Warm-up and schedule end when L-BFGS begins."""

    def __init__(self, recipe: Recipe, steps_per_epoch: int) -> None:
        self.recipe, self.steps_per_epoch = recipe, steps_per_epoch
        planned = recipe.steps if recipe.steps is not None else (recipe.epochs or 0) * steps_per_epoch
        if recipe.lbfgs_steps > planned:
            raise UserError(f"recipe.lbfgs_steps={recipe.lbfgs_steps}: must be at most {planned}, the number of steps")
        self.total = planned
        if recipe.max_steps is not None:
            self.total = min(self.total, recipe.max_steps)
        self.first_order = min(self.total, planned - recipe.lbfgs_steps)  # steps of recipe.optimizer; L-BFGS follows
        self.warmup = recipe.warmup_steps or round(recipe.warmup_epochs * steps_per_epoch)
        self.eval_every = recipe.eval_every_steps or (recipe.eval_every or 1) * steps_per_epoch

    def rate(self, step: int) -> float:
        """The learning rate of a step: linear warm-up, then ``lr`` times the schedule's factor; 1 for L-BFGS."""
        recipe = self.recipe
        if step >= self.first_order:
            return 1.0
        if step < self.warmup:
            return recipe.lr * (step + 1) / self.warmup
        return recipe.lr * self.factor(step)

    def factor(self, step: int) -> float:
        """The schedule's factor on the learning rate. d is the share of the training that is done.

        step: lr_factor for every milestone passed · linear: 1 - d · cosine: (1 + cos(πd)) / 2 · poly: (1 - d)^power ·
        inverse_sqrt: √(warm-up / step), Vaswani et al. 2017 (arXiv 1706.03762), section 5.3. linear, cosine and poly
        end at ``final_lr``.
        """
        recipe = self.recipe
        if recipe.schedule == "constant":
            return 1.0
        if recipe.schedule == "step":
            epoch = step / self.steps_per_epoch
            every = recipe.step_epochs
            passed = math.floor(epoch / every) if every else bisect.bisect_right(recipe.milestones, epoch)
            return recipe.lr_factor**passed
        if recipe.schedule == "inverse_sqrt":
            return math.sqrt(max(1, self.warmup) / (step + 1))
        done = (step - self.warmup) / max(1, self.first_order - self.warmup)
        left: dict[str, float] = {
            "linear": 1 - done,
            "cosine": 0.5 * (1 + math.cos(math.pi * done)),
            "poly": math.pow(1 - done, recipe.power),
        }
        return recipe.final_lr + (1 - recipe.final_lr) * left[recipe.schedule]
