"""What all tests share: their error, the power that is asked for, and the search for the fewest seeds."""

from __future__ import annotations

from collections.abc import Callable

POWER = 0.8
ALPHA = 0.05
MOST = 1_000_000


def standardised(difference: float, sd: float) -> float:
    """``difference`` in units of ``sd``. Raises ValueError where one of them is not above 0."""
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
