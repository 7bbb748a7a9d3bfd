"""When a study may stop: the numbers of seeds at its looks, and the error that each look spends."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy
from scipy import optimize, stats

from experiments.stats.crossing import exit_probabilities, nominal_levels
from experiments.stats.estimate import Test
from experiments.stats.power import ALPHA
from experiments.stats.verdict import Threshold, at_most_1

Spending = Literal["obrien-fleming", "pocock"]
ERRORS = {1: numpy.geomspace(1e-6, 0.4, 20), 2: numpy.geomspace(1e-6, 0.9, 22)}  # by sides; p is interpolated between
FEWEST = 3  # seeds at a look; with fewer the exact distribution is singular, and nothing would be significant
SMALLEST = 1e-300  # replaces 0 under a logarithm


@dataclass(frozen=True)
class Looks:
    """``sizes``: seeds per arm at each look, ascending. ``test``: the test that is repeated.

    ``obrien-fleming`` spends 2 - 2Φ(z/√f) of an error up to the fraction f of the seeds, with z the normal quantile of
    error / 2 (Lan and DeMets 1983). It spends almost nothing early and nearly all at the end. ``pocock`` has one
    nominal level at all planned looks (Pocock 1977): more early stops, less power at the end.
    """

    sizes: tuple[int, ...]
    spending: Spending = "obrien-fleming"
    test: Test = "paired"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(int(size) for size in self.sizes))
        steps = numpy.diff(self.sizes)
        if not self.sizes or self.sizes[0] < FEWEST or any(steps < 2):
            raise ValueError(f"looks={list(self.sizes)}: must start at {FEWEST} seeds or more and rise by 2 or more")
        if self.spending not in ("obrien-fleming", "pocock"):
            raise ValueError(f"spending={self.spending}: must be one of obrien-fleming, pocock")

    def levels(self, error: float, sides: int = 2, seen: Sequence[int] = (), ended: bool = False) -> tuple[float, ...]:
        """The nominal levels of the looks at which ``error`` is spent over them as planned.

        ``seen`` are the seeds that counted at the looks so far, which may be fewer than planned. A look with fewer
        than three seeds, or without new ones, is skipped (level 0), and the next look spends its error. ``ended``
        says that no more seeds will come: the last look in ``seen`` then spends the rest.
        """
        return _levels(self, error, sides, self._sizes(seen), ended)

    def threshold(
        self, comparisons: int, sides: int = 2, seen: Sequence[int] = (), ended: bool = False, error: float = ALPHA
    ) -> Threshold:
        """The threshold of the last look in ``seen``, with the ``error`` shared equally over ``comparisons``.

        The adjusted p is the repeated p value (Jennison and Turnbull 2000, section 9.4). It is the smallest error with
        which this look would have stopped, times the number of comparisons.
        """
        sizes = self._sizes(seen)
        return Threshold(
            nominal=_levels(self, error / comparisons, sides, sizes, ended)[-1],
            adjusted=lambda p: at_most_1(comparisons * _repeated_p(self, p, sides, sizes, ended) * ALPHA / error),
        )

    def _sizes(self, seen: Sequence[int]) -> tuple[int, ...]:
        sizes = tuple(seen) or self.sizes
        if len(sizes) > len(self.sizes) or any(numpy.diff(sizes) < 0):
            raise ValueError(f"seen={list(sizes)}: must not fall, and has at most {len(self.sizes)} looks")
        return sizes


@functools.lru_cache(maxsize=4096)
def _levels(looks: Looks, error: float, sides: int, seen: tuple[int, ...], ended: bool) -> tuple[float, ...]:
    if not 0 < error < 1:
        raise ValueError(f"error={error}: must be between 0 and 1")
    return _levels_spending(looks, _spent_up_to(looks, error, sides), sides, seen, ended)


def _levels_spending(
    looks: Looks, planned: tuple[float, ...], sides: int, seen: tuple[int, ...], ended: bool
) -> tuple[float, ...]:
    """The nominal levels. ``planned`` is the error that may be spent up to each planned look."""
    allowed = list(planned[: len(seen)])
    if ended:
        allowed[-1] = planned[-1]
    counted = [j for j, size in enumerate(seen) if size >= FEWEST and size > max(seen[:j], default=0)]
    spent = numpy.diff([allowed[j] for j in counted], prepend=0.0)
    found = nominal_levels([seen[j] for j in counted], list(spent), looks.test, sides)
    levels = dict(zip(counted, found, strict=True))
    return tuple(levels.get(j, 0.0) for j in range(len(seen)))


@functools.lru_cache(maxsize=4096)
def _spent_up_to(looks: Looks, error: float, sides: int) -> tuple[float, ...]:
    """The error that may be spent up to each planned look. The last is ``error``."""
    if looks.spending == "obrien-fleming":
        return tuple(obrien_fleming(size / looks.sizes[-1], error) for size in looks.sizes)
    if len(looks.sizes) == 1:
        return (error,)

    def excess(level: float) -> float:
        return _spent_at_constant(looks, level, sides)[-1] - error

    level = optimize.brentq(excess, error / len(looks.sizes) / 2, error, rtol=1e-6)
    return (*_spent_at_constant(looks, level, sides)[:-1], error)


def _spent_at_constant(looks: Looks, level: float, sides: int) -> tuple[float, ...]:
    spent = exit_probabilities(looks.sizes, [level] * len(looks.sizes), looks.test, sides)
    return tuple(float(each) for each in numpy.cumsum(spent))


def obrien_fleming(fraction: float, error: float) -> float:
    """2 - 2Φ(z/√fraction), z the normal quantile of error / 2 (Lan and DeMets, Biometrika 70, 1983)."""
    return float(2 * stats.norm.sf(stats.norm.isf(error / 2) / math.sqrt(fraction)))


def _repeated_p(looks: Looks, p: float, sides: int, seen: tuple[int, ...], ended: bool) -> float:
    """The error with which the last look has the nominal level ``p``; 1 if it is above the tabulated ones."""
    if math.isnan(p):
        return p
    levels, errors = _last_levels(looks, sides, seen, ended)
    if p >= levels[-1]:
        return 1.0
    return float(numpy.exp(numpy.interp(math.log(max(p, SMALLEST)), numpy.log(levels), numpy.log(errors))))


@functools.lru_cache(maxsize=1024)
def _last_levels(looks: Looks, sides: int, seen: tuple[int, ...], ended: bool) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Nominal levels of the last look, ascending, and their errors."""
    if looks.spending == "pocock":  # tabulated by its constant level, which needs no search
        plans = [_spent_at_constant(looks, float(level), sides) for level in ERRORS[sides]]
    else:
        plans = [_spent_up_to(looks, float(error), sides) for error in ERRORS[sides]]
    levels = [_levels_spending(looks, plan, sides, seen, ended)[-1] for plan in plans]
    return numpy.maximum.accumulate(numpy.maximum(levels, SMALLEST)), numpy.array([plan[-1] for plan in plans])
