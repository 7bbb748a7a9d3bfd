"""``tune:`` of a preset: the values that every cell tries, on held-out training data, before the counted seeds.

tune:
  key: recipe.lr             # or a list of keys
  values: [0.01, 0.03, 0.1]  # or a list of lists, one per key
  seeds: 3
  holdout: 5000              # dataset.holdout during tuning
  extend: 2                  # how many values the grid may grow by at each end
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from experiments.config.rules import optional, positive_int, rule, whole
from experiments.config.typed import typed
from experiments.errors import UserError, must_be

FIRST_SEED = 1000  # of tuning runs, so that no tuning seed is a counted seed


@dataclass(kw_only=True)
class TuneNode:
    """The keys below ``tune:`` in a file."""

    key: Any = rule("a key, or a list of keys", lambda key: bool(key))
    values: Any = rule("a list of at least two values, or such a list for each key", lambda values: bool(values))
    seeds: int = positive_int(3)
    holdout: Any = rule("what dataset.holdout takes", lambda value: value is not None)
    extend: int = whole(2)
    metric: str | None = optional(rule("a metric of the family", lambda value: bool(value)))


@dataclass(frozen=True)
class Tuning:
    """``grid``: the values by key, ascending. ``metric``: the metric for tuning; None for the preset's, held out."""

    grid: dict[str, list[float]]
    seeds: int
    holdout: Any
    extend: int
    metric: str | None

    @property
    def seed_numbers(self) -> range:
        return range(FIRST_SEED, FIRST_SEED + self.seeds)

    def words(self, point: tuple[float, ...]) -> list[str]:
        """The overrides of a point of the grid: ``recipe.lr=0.03``."""
        return [f"{key}={value:g}" for key, value in zip(self.grid, point, strict=True)]

    @property
    def held_out(self) -> str:
        """The override with which a run evaluates on held-out training data."""
        return f"dataset.holdout={self.holdout}"


def typed_tuning(node: Any) -> Tuning | None:
    """The tuning of a preset; None if it has none. Raises UserError."""
    if node is None or isinstance(node, Tuning):
        return node
    plain = OmegaConf.to_container(node) if OmegaConf.is_config(node) else node
    given = typed(TuneNode, plain, "experiment.tune.")  # type: ignore[arg-type]
    keys = given.key if isinstance(given.key, list) else [given.key]
    values = given.values if isinstance(given.key, list) else [given.values]
    if len(values) != len(keys) or not all(is_axis(axis) for axis in values):
        allowed = "numbers, two or more a key" if len(keys) == 1 else f"{len(keys)} lists of two numbers or more"
        raise UserError(must_be("experiment.tune.values", given.values, allowed))
    grid = {str(key): sorted(map(float, axis)) for key, axis in zip(keys, values, strict=True)}
    return Tuning(grid, given.seeds, given.holdout, given.extend, given.metric)


def is_axis(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(set(map(str, values))) > 1
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    )
