"""Is the difference real? Welch's interval and test against a reference, corrected over the table."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from scipy import stats
from statsmodels.stats.multitest import multipletests

LEVEL = 0.95


@dataclass(frozen=True)
class Summary:
    """n, mean and sample standard deviation (ddof 1; nan for n < 2)."""

    n: int
    mean: float
    sd: float


def summarise(values: Sequence[float]) -> Summary:
    n = len(values)
    mean = float(numpy.mean(values)) if n else math.nan
    return Summary(n, mean, float(numpy.std(values, ddof=1)) if n > 1 else math.nan)


@dataclass(frozen=True)
class Difference:
    """mean(values) - mean(reference) with its 95 % interval and two-sided p; nan where it cannot be computed."""

    value: float
    low: float
    high: float
    p: float


def welch(values: Sequence[float], reference: Sequence[float]) -> Difference:
    """Welch's t: no equal variances assumed. Needs two seeds on either side and some spread, else nan."""
    if not values or not reference:
        return Difference(math.nan, math.nan, math.nan, math.nan)
    value = float(numpy.mean(values) - numpy.mean(reference))
    if min(len(values), len(reference)) < 2 or numpy.ptp(values) == numpy.ptp(reference) == 0:
        return Difference(value, math.nan, math.nan, math.nan)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # one side without spread is a legal case
        test = stats.ttest_ind(values, reference, equal_var=False)
    interval = test.confidence_interval(LEVEL)
    return Difference(value, float(interval.low), float(interval.high), float(test.pvalue))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-adjusted p values; nan stays nan and counts for nothing."""
    finite = [p for p in p_values if not math.isnan(p)]
    adjusted = iter(multipletests(finite, method="holm")[1] if finite else [])
    return [math.nan if math.isnan(p) else float(next(adjusted)) for p in p_values]


def verdict(difference: Difference, p_adjusted: float, higher_is_better: bool, unit: str, digits: int) -> str:
    """The comparison in words: what the data support at the 5 % level after correction, and no more."""
    if math.isnan(p_adjusted):
        return "too few seeds to tell"
    if p_adjusted >= 1 - LEVEL:
        return "no difference detectable"
    better = (difference.value > 0) == higher_is_better
    near, far = sorted((abs(difference.low), abs(difference.high)))
    word = "better" if better else "worse"
    if difference.low * difference.high < 0:  # the correction is by p, the interval is not corrected
        return word
    return f"{word} by {near:.{digits}f} to {far:.{digits}f} {unit}".rstrip()
