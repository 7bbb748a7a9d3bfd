"""Power, least detectable difference and required seeds of the test in use.

One ``Summary`` holds the differences of pairs; two hold the row and its reference (Welch). Given the sample variances,
the estimate is normal, and the power is the mean over them. This is exact for both tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy
from numpy.polynomial.legendre import leggauss
from scipy import optimize, stats

from experiments.stats.difference import Summary
from experiments.stats.power import ALPHA, POWER, smallest, standardised

POINTS = 60  # quantiles of each sample variance over which the power is averaged


def power_of_difference(sides: Sequence[Summary], difference: float, error: float = ALPHA) -> float:
    """Probability that the two-sided test finds a true ``difference``. The ``sd`` of a side is taken as true."""
    return _power_finder(sides, error)(difference)


def power_of_equivalence(
    sides: Sequence[Summary], margin: float, difference: float = 0.0, error: float = ALPHA
) -> float:
    """Probability that the two one-sided tests show a true ``difference`` to lie within ``±margin``."""
    se, reach, weights = _errors(sides, error)
    room = numpy.maximum(margin - reach, 0)  # largest distance of the estimate from 0
    shown = stats.norm.cdf((room - difference) / se) - stats.norm.cdf((-room - difference) / se)
    return float(shown @ weights)


def least_detectable(sides: Sequence[Summary], error: float = ALPHA) -> float:
    """The smallest true difference found with 80 % power; nan without spread or with fewer than two seeds per side."""
    if any(side.n < 2 for side in sides) or not any(side.sd > 0 for side in sides) or not error > 0:
        return math.nan
    power = _power_finder(sides, error)
    high = math.sqrt(sum(side.sd**2 / side.n for side in sides))
    while power(high) < POWER:
        high *= 2
    return float(optimize.brentq(lambda d: power(d) - POWER, 0.0, high, rtol=1e-9))


def pairs_for_difference(difference: float, sd: float, comparisons: int = 1) -> int:
    """Seeds with which the paired test finds a true ``difference`` with 80 % power, corrected over ``comparisons``.

    ``sd`` is that of the difference at one seed. Raises ValueError unless it and ``difference`` are above 0.
    """
    size = standardised(difference, sd)
    return smallest(lambda n: power_of_difference([Summary(n, 0.0, 1.0)], size, ALPHA / comparisons))


def pairs_for_equivalence(margin: float, sd: float, comparisons: int = 1) -> int:
    """Seeds with which the paired tests show equal means to be within ``±margin`` with 80 % power."""
    size = standardised(margin, sd)
    return smallest(lambda n: power_of_equivalence([Summary(n, 0.0, 1.0)], size, error=ALPHA / comparisons))


def runs_for_difference(difference: float, sds: tuple[float, float], comparisons: int = 1) -> int:
    """Seeds per arm with which Welch's test finds a true ``difference``; ``sds`` of one run, by side."""
    return _smallest_arms(difference, sds, lambda sides: power_of_difference(sides, difference, ALPHA / comparisons))


def runs_for_equivalence(margin: float, sds: tuple[float, float], comparisons: int = 1) -> int:
    """Seeds per arm with which Welch's tests show equal means to be within ``±margin`` with 80 % power."""
    return _smallest_arms(margin, sds, lambda sides: power_of_equivalence(sides, margin, error=ALPHA / comparisons))


def _smallest_arms(difference: float, sds: tuple[float, float], power: Callable[[list[Summary]], float]) -> int:
    if not (difference > 0 and max(sds) > 0 and min(sds) >= 0):
        raise ValueError(f"difference={difference}, sds={sds}: must be above 0, of the sds at least one")
    return smallest(lambda n: power([Summary(n, 0.0, sd) for sd in sds]))


def _power_finder(sides: Sequence[Summary], error: float) -> Callable[[float], float]:
    """The power of the two-sided test as a function of the true difference."""
    se, reach, weights = _errors(sides, error / 2)

    def power(difference: float) -> float:
        found = stats.norm.sf((reach - difference) / se) + stats.norm.cdf((-reach - difference) / se)
        return float(found @ weights)

    return power


def _errors(sides: Sequence[Summary], tail: float) -> tuple[float, numpy.ndarray, numpy.ndarray]:
    """The true standard error, the half-width of the interval for each set of sample variances, and the weights."""
    points, weights = leggauss(POINTS)
    chances, weights = (1 + points) / 2, weights / 2
    parts, dfs, counted = [], [], []
    for axis, side in enumerate(sides):
        shape = [1] * len(sides)
        shape[axis] = POINTS
        drawn = stats.chi2.ppf(chances, side.n - 1) / (side.n - 1)
        parts.append((side.sd**2 / side.n * drawn).reshape(shape))
        counted.append(weights.reshape(shape))
        dfs.append(side.n - 1)
    variance = sum(parts)
    df = variance**2 / sum(part**2 / df for part, df in zip(parts, dfs, strict=True))
    reach = stats.t.isf(tail, df) * numpy.sqrt(variance)
    weight = numpy.ones(numpy.shape(variance)) * math.prod(counted[1:], start=counted[0])
    true = math.sqrt(sum(side.sd**2 / side.n for side in sides))
    return true, numpy.ravel(reach), numpy.ravel(weight)
