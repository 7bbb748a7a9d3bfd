"""What a recipe plans: the last step, which steps are logged and evaluated, and the learning rate of each."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.config.schema import Recipe
from experiments.runs.schedule import Schedule

EPOCH_DIGITS = 6  # after the point, see runs/loop.py


def steps_per_epoch(step: int, epoch: float) -> int | None:
    """From a step and its epoch, which is rounded; None where the two do not belong together."""
    found = round(step / epoch)
    return found if found >= 1 and epoch_of(step, found) == epoch else None


def epoch_of(step: int, per_epoch: int) -> float:
    """As a line of metrics.jsonl has it."""
    return round(step / per_epoch, EPOCH_DIGITS)


class PlannedRun:
    """The course that ``recipe`` prescribes at so many steps an epoch."""

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

        None where they depend on the steps an epoch, and rounding leaves several numbers possible.
        """
        last, n = steps[-1], self.per_epoch
        by_epoch = bool(self.recipe.warmup_epochs or self.recipe.milestones)
        if by_epoch and n > 1 and epoch_of(last, n) in (epoch_of(last, n - 1), epoch_of(last, n + 1)):
            return None
        return [self.schedule.rate(step - 1) for step in steps]
