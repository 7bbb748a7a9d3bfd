"""The difference between a row and its reference, with its standard error: paired by seed, or Welch's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy
from scipy import stats

from experiments.stats.difference import Summary, summarise

Values = Mapping[int, float]  # by seed
Test = Literal["paired", "welch"]
ROUNDING = 1e-12  # rounding error in equal differences, relative to the largest value


@dataclass(frozen=True)
class Estimate:
    """A difference (row minus reference) whose t statistic has ``df`` degrees of freedom.

    ``standard_error`` is 0 if there is no spread, and nan if one side has fewer than two values.
    ``sides`` summarises the averaged values: the differences by seed, or the row and its reference (Welch).
    """

    value: float
    standard_error: float
    df: float
    sides: tuple[Summary, ...]

    @property
    def n(self) -> int:
        """Number of seeds: pairs, or the smaller side."""
        return min(side.n for side in self.sides)

    @property
    def testable(self) -> bool:
        return self.standard_error > 0

    @property
    def p(self) -> float:
        """Two-sided p of no difference, not adjusted; nan if no test is possible."""
        if not self.testable:
            return math.nan
        return float(2 * stats.t.sf(abs(self.value) / self.standard_error, self.df))

    def p_within(self, margin: float) -> float:
        """p of the two one-sided t tests (Schuirmann 1987) for a difference within ``±margin``, not adjusted."""
        if not self.testable:
            return math.nan
        return float(stats.t.sf((margin - abs(self.value)) / self.standard_error, self.df))

    def interval(self, error: float) -> tuple[float, float]:
        """The two-sided interval that misses the true difference with probability ``error``. It agrees with ``p``."""
        return self._reach(error / 2)

    def equivalence_interval(self, error: float) -> tuple[float, float]:
        """The interval for ``p_within``: it lies inside ``±margin`` exactly if ``p_within(margin) < error``."""
        return self._reach(error)

    def turned(self) -> Estimate:
        """The reference minus the row."""
        sides = self.sides[::-1] if len(self.sides) == 2 else tuple(replace(s, mean=-s.mean) for s in self.sides)
        return replace(self, value=-self.value, sides=sides)

    def _reach(self, tail: float) -> tuple[float, float]:
        if not self.testable:
            return math.nan, math.nan
        reach = math.inf if tail <= 0 else float(stats.t.isf(tail, self.df)) * self.standard_error
        return self.value - reach, self.value + reach


def estimate_difference(row: Values, reference: Values, test: Test = "paired") -> Estimate:
    """The difference by the ``test`` of the preset. Raises ValueError if a value is not finite."""
    check_finite(row)
    check_finite(reference)
    return paired_estimate(row, reference) if test == "paired" else welch_estimate(row, reference)


def paired_estimate(row: Values, reference: Values) -> Estimate:
    """Mean of the differences over the seeds that both have, with Student's t on n - 1 degrees of freedom."""
    common = sorted(row.keys() & reference.keys())
    differences = [row[seed] - reference[seed] for seed in common]
    side = summarise(differences)
    largest = max((max(abs(row[seed]), abs(reference[seed])) for seed in common), default=0.0)
    if side.n < 2:
        return Estimate(side.mean, math.nan, math.nan, (side,))
    flat = numpy.ptp(differences) <= ROUNDING * largest
    return Estimate(side.mean, 0.0 if flat else side.sd / math.sqrt(side.n), side.n - 1, (side,))


def welch_estimate(row: Values, reference: Values) -> Estimate:
    """Difference of the means with Welch's t (1947), which assumes neither pairs nor equal variances."""
    sides = summarise(list(row.values())), summarise(list(reference.values()))
    value = sides[0].mean - sides[1].mean
    if min(side.n for side in sides) < 2:
        return Estimate(value, math.nan, math.nan, sides)
    largest = max(abs(value) for side in (row, reference) for value in side.values())
    if all(numpy.ptp(list(side.values())) <= ROUNDING * largest for side in (row, reference)):
        return Estimate(value, 0.0, math.nan, sides)
    parts = [side.sd**2 / side.n for side in sides]
    df = sum(parts) ** 2 / sum(part**2 / (side.n - 1) for part, side in zip(parts, sides, strict=True))
    return Estimate(value, math.sqrt(sum(parts)), df, sides)


def check_finite(values: Values) -> None:
    for seed, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"seed {seed}: value={value}: must be finite; a diverged run has no value")
