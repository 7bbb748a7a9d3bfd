"""Common to all tests: their error, their power, and the search for the smallest number of seeds."""

from __future__ import annotations

from collections.abc import Callable

POWER = 0.8
ALPHA = 0.05
MOST = 1_000_000


def standardised(difference: float, sd: float) -> float:
    """``difference`` in units of ``sd``. Raises ValueError unless both are above 0."""
    if not (difference > 0 and sd > 0):
        raise ValueError(f"difference={difference}, sd={sd}: both must be above 0")
    return difference / sd


def smallest(power: Callable[[int], float]) -> int:
    """The smallest n of at least 2 with sufficient power, by doubling and bisection."""
    high = 2
    while power(high) < POWER and high < MOST:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return max(high, 2)
