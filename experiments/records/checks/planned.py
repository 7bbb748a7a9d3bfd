"""The plan of a recipe: the last step, the logged and evaluated steps, and the learning rate of each."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.config.schema import Recipe
from experiments.runs.schedule import Schedule

EPOCH_DIGITS = 6  # decimals, see runs/loop.py


def steps_per_epoch(step: int, epoch: float) -> int | None:
    """Steps per epoch from a step and its rounded epoch; None if the two contradict each other."""
    found = round(step / epoch)
    return found if found >= 1 and epoch_of(step, found) == epoch else None


def epoch_of(step: int, per_epoch: int) -> float:
    """The epoch of a step as metrics.jsonl writes it."""
    return round(step / per_epoch, EPOCH_DIGITS)


class PlannedRun:
    """The course that ``recipe`` prescribes for a number of steps per epoch."""

    def __init__(self, recipe: Recipe, per_epoch: int) -> None:
        self.recipe, self.per_epoch = recipe, per_epoch
        self.schedule = Schedule(recipe, per_epoch)
        self.last_step = self.schedule.total

    def logged_steps(self, until: int) -> list[int]:
        """The steps up to ``until`` that have a line in metrics.jsonl."""
        due = {*range(self.recipe.log_every, until + 1, self.recipe.log_every), *self.evaluated_steps(until)}
        return sorted(due)

    def evaluated_steps(self, until: int) -> list[int]:
        """The steps up to ``until`` after which the run is evaluated."""
        every = self.schedule.eval_every
        return sorted({*range(every, until + 1, every), *([self.last_step] if self.last_step <= until else [])})

    def rates(self, steps: Sequence[int]) -> list[float] | None:
        """The learning rates of these steps, counted from 1.

        None if they depend on the steps per epoch, and rounding allows several numbers.
        """
        last, n = steps[-1], self.per_epoch
        by_epoch = bool(self.recipe.warmup_epochs or self.recipe.milestones)
        if by_epoch and n > 1 and epoch_of(last, n) in (epoch_of(last, n - 1), epoch_of(last, n + 1)):
            return None
        return [self.schedule.rate(step - 1) for step in steps]
