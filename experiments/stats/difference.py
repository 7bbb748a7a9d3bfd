"""Two groups of seeds: mean and sd of each, and their difference with intervals (Welch, paired, bootstrap)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy
from scipy import stats

LEVEL = 0.95
RESAMPLES = 9999


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


NOTHING = Difference(math.nan, math.nan, math.nan, math.nan)


def welch(values: Sequence[float], reference: Sequence[float]) -> Difference:
    """Welch's t (1947), which does not assume equal variances. Needs two seeds on each side and some spread, else nan.

    With three seeds it is slightly conservative if both sds are equal. Over 200,000 simulated studies its 95 %
    interval covers 96.6 % (5 seeds 95.5, 10 seeds 95.1), with sds of 1 : 2 95.6 %, of 1 : 4 94.3 %. Student's pooled
    interval covers 95.0, 93.8 and 91.5 % in these cases. Equal sds cannot be assumed, and three seeds cannot show
    them. So the conservative interval is used.
    """
    if not values or not reference:
        return NOTHING
    value = float(numpy.mean(values) - numpy.mean(reference))
    if min(len(values), len(reference)) < 2 or (alike(values) and alike(reference)):
        return Difference(value, math.nan, math.nan, math.nan)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # a side without spread is allowed
        test = stats.ttest_ind(values, reference, equal_var=False)
    interval = test.confidence_interval(LEVEL)
    return Difference(value, float(interval.low), float(interval.high), float(test.pvalue))


def paired(values: Sequence[float], reference: Sequence[float]) -> Difference:
    """Student's paired t: ``values[i]`` and ``reference[i]`` are of one seed. Sharper if a seed moves both alike."""
    if not values:
        return NOTHING
    differences = numpy.subtract(values, reference)
    value = float(differences.mean())
    if len(values) < 2 or alike(differences):
        return Difference(value, math.nan, math.nan, math.nan)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # all differences nearly equal
        test = stats.ttest_1samp(differences, 0)
    interval = test.confidence_interval(LEVEL)
    return Difference(value, float(interval.low), float(interval.high), float(test.pvalue))


def alike(values: Sequence[float] | numpy.ndarray) -> bool:
    """Whether the spread is only rounding: accuracies 100·k/n with equal exact differences may differ by 1e-14."""
    return bool(numpy.ptp(values) <= 1e-12 * max(1.0, float(numpy.max(numpy.abs(values)))))


def bootstrap(
    statistic: Callable[..., numpy.ndarray], *samples: Sequence[float], level: float = LEVEL
) -> tuple[float, float]:
    """BCa interval (Efron 1987) of ``statistic(*samples, axis)``. The resamples are the same at every call.

    Needs ten values in each sample, else nan. It is a second opinion and not sharper: over simulated normal runs the
    95 % interval of a difference covers 92 to 93 % with 10 seeds and 95 % with 30.
    """
    if min(len(sample) for sample in samples) < 10 or all(alike(sample) for sample in samples):
        return math.nan, math.nan
    generator = numpy.random.default_rng(0)
    found = stats.bootstrap(
        samples, statistic, n_resamples=RESAMPLES, vectorized=True, confidence_level=level, method="BCa", rng=generator
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def mean_difference(values: numpy.ndarray, reference: numpy.ndarray, axis: int = -1) -> numpy.ndarray:
    """The statistic of the unpaired bootstrap: the difference of the means."""
    return numpy.asarray(numpy.mean(values, axis=axis) - numpy.mean(reference, axis=axis))


def improvement(values: Sequence[float], reference: Sequence[float], higher_is_better: bool) -> float:
    """Probability that a run of ``values`` beats one of ``reference``; a tie counts half (Agarwal et al. 2021).

    It is U / (n·m) with the Mann-Whitney statistic U; nan without runs on both sides.
    """
    if not values or not reference:
        return math.nan
    won = (1 + float(numpy.sign(numpy.subtract.outer(values, reference)).mean())) / 2
    return won if higher_is_better else 1 - won
