"""The verdict on one row: an interval, an adjusted p and a word that never contradict each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from experiments.stats.estimate import Estimate
from experiments.stats.failures import Failures
from experiments.stats.power import ALPHA
from experiments.stats.sensitivity import least_detectable

Kind = Literal["better", "worse", "equivalent", "open", "untested", "diverged"]
SETTLED: tuple[Kind, ...] = ("better", "worse", "equivalent")


@dataclass(frozen=True)
class Threshold:
    """The limit ``nominal`` of a raw p. ``adjusted`` converts a raw p into one whose limit is 5 %."""

    nominal: float
    adjusted: Callable[[float], float]


def bonferroni(comparisons: int, error: float = ALPHA) -> Threshold:
    """One error shared equally over ``comparisons``. Raises ValueError for fewer than one."""
    if comparisons < 1:
        raise ValueError(f"comparisons={comparisons}: must be at least 1")
    return Threshold(error / comparisons, lambda p: at_most_1(p * comparisons * ALPHA / error))


def at_most_1(p: float) -> float:
    """``p``, at most 1. nan stays nan, whereas the result of ``min`` would depend on the order."""
    return p if math.isnan(p) else min(1.0, p)


@dataclass(frozen=True)
class Verdict:
    """``low`` and ``high`` hold for all rows of the table simultaneously. They exclude 0 exactly if ``p`` < 0.05.

    ``kind`` is ``better`` or ``worse`` in the same cases. ``equal_low`` and ``equal_high`` are the interval of the
    equivalence test. ``within_margin`` says that it lies inside ``±margin``, which is so exactly if ``p_equal`` < 0.05.
    A row can be both different and within the margin: ``kind`` then names the difference, and the words say both.
    ``untested`` means fewer than two seeds, or no spread. ``diverged`` means that failed runs forbid a verdict.
    """

    kind: Kind
    estimate: Estimate
    higher_is_better: bool
    low: float
    high: float
    p: float
    nominal: float  # the two-sided level at which the difference was tested
    margin: float | None = None
    equal_low: float = math.nan
    equal_high: float = math.nan
    p_equal: float = math.nan
    failures: Failures | None = None

    @property
    def different(self) -> bool:
        return self.p < ALPHA

    @property
    def within_margin(self) -> bool:
        return self.p_equal < ALPHA

    @property
    def settled(self) -> bool:
        """Whether no more seeds are needed: the finished runs differ, or are equivalent."""
        return self.different or self.within_margin

    @cached_property
    def least_detectable(self) -> float:
        """The true difference that this test finds with 80 % power, at the observed spread and number of seeds."""
        return least_detectable(self.estimate.sides, self.nominal)

    def turned(self) -> Verdict:
        """The verdict with row and reference exchanged. Raises ValueError if runs failed: judge the pair anew."""
        if self.failures is not None and self.failures.any:
            raise ValueError("a verdict with diverged runs cannot be turned: judge the pair in the other order")
        opposite: dict[Kind, Kind] = {"better": "worse", "worse": "better"}
        return replace(
            self,
            kind=opposite.get(self.kind, self.kind),
            estimate=self.estimate.turned(),
            low=-self.high,
            high=-self.low,
            equal_low=-self.equal_high,
            equal_high=-self.equal_low,
        )


def judge(
    estimate: Estimate,
    higher_is_better: bool,
    difference: Threshold,
    equivalence: Threshold | None = None,
    margin: float | None = None,
    failures: Failures | None = None,
) -> Verdict:
    """Test for a difference and, with a ``margin``, for equivalence. Each test has its own error."""
    if margin is not None and not margin > 0:
        raise ValueError(f"margin={margin}: must be above 0")
    low, high = estimate.interval(difference.nominal)
    verdict = Verdict(
        kind="open" if estimate.testable else "untested",
        estimate=estimate,
        higher_is_better=higher_is_better,
        low=low,
        high=high,
        p=agreeing(difference.adjusted(estimate.p), found=low > 0 or high < 0),
        nominal=difference.nominal,
        margin=margin,
        failures=failures,
    )
    if margin is not None and equivalence is not None:
        low, high = estimate.equivalence_interval(equivalence.nominal)
        p = agreeing(equivalence.adjusted(estimate.p_within(margin)), found=-margin < low and high < margin)
        verdict = replace(verdict, equal_low=low, equal_high=high, p_equal=p)
    return replace(verdict, kind=kind_of(verdict))


def agreeing(p: float, found: bool) -> float:
    """``p`` moved to the interval's side of 5 %: rounding of the last bits must not make the two disagree."""
    if math.isnan(p):
        return p
    return min(p, math.nextafter(ALPHA, 0)) if found else max(p, ALPHA)


def kind_of(verdict: Verdict) -> Kind:
    """The word of the verdict. A side with diverged runs is never the better one, and never equivalent."""
    failures, kind = verdict.failures, verdict.kind
    if verdict.different:
        kind = "better" if (verdict.estimate.value > 0) == verdict.higher_is_better else "worse"
    elif verdict.within_margin:
        kind = "equivalent"
    if failures is None or not failures.any:
        return kind
    reference_alone_clean = failures.row > 0 and failures.reference == 0
    row_alone_clean = failures.row == 0
    if (kind == "worse" and reference_alone_clean) or (kind == "better" and row_alone_clean):
        return kind
    return "diverged"
