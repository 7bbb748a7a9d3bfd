"""How many seeds an activation needs: to find a difference, or to show that there is none worth speaking of."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import stats
from statsmodels.stats.power import TTestIndPower

POWER = 0.8
ALPHA = 0.05
MOST = 1_000_000


def seeds_for_difference(difference: float, sd: float, comparisons: int = 1) -> int:
    """Seeds an arm with which a true ``difference`` is found with 80 % power by a two-sided t test.

    ``sd`` is that of one run over seeds, in the unit of ``difference``. With ``comparisons`` > 1 the level is
    5 % / comparisons: what Holm's first step asks for, so more than enough for the others. Raises ValueError
    where ``difference`` or ``sd`` is not above 0.
    """
    size = standardised(difference, sd)
    return smallest(lambda n: found(size, n, ALPHA / comparisons))


def seeds_for_equivalence(margin: float, sd: float, comparisons: int = 1) -> int:
    """Seeds an arm with which two equal means are shown to lie within ``±margin`` with 80 % power.

    Power 2·F(margin/se - t) - 1 of the two one-sided t tests, F and t those of Student's law with 2n - 2 degrees of
    freedom (Chow, Shao and Wang, Sample Size Calculations in Clinical Research, section 3.2).
    """
    size = standardised(margin, sd)

    def power(n: int) -> float:
        law = stats.t(2 * n - 2)
        return float(2 * law.cdf(size * math.sqrt(n / 2) - law.ppf(1 - ALPHA / comparisons)) - 1)

    return smallest(power)


def detectable(n: int, sd: float) -> float:
    """The smallest true difference that ``n`` seeds an arm find with 80 % power (no correction); nan for n < 2."""
    if n < 2:
        return math.nan
    return float(sd * TTestIndPower().solve_power(nobs1=n, alpha=ALPHA, power=POWER))


def found(size: float, n: int, alpha: float) -> float:
    """Power for a standardised difference, 1 where statsmodels' own answer is lost in rounding."""
    power = TTestIndPower().power(size, n, alpha)
    return 1.0 if math.isnan(power) else float(power)


def standardised(difference: float, sd: float) -> float:
    if not (difference > 0 and sd > 0):
        raise ValueError(f"difference={difference}, sd={sd}: both must be above 0")
    return difference / sd


def smallest(power: Callable[[int], float]) -> int:
    """The smallest n of at least 2 whose power is enough, by doubling and halving."""
    high = 2
    while power(high) < POWER and high < MOST:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return max(high, 2)
