"""The declaration of a metric: title, unit, direction and range."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One number of a run's result.

    ``key`` is its name in metrics.jsonl. ``digits`` is the number of decimals that people see. A value outside
    [``low``, ``high``] is an error.
    """

    key: str
    title: str
    unit: str
    higher_is_better: bool
    digits: int
    low: float = -math.inf
    high: float = math.inf

    @property
    def heading(self) -> str:
        """``test accuracy (%)``"""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def difference_unit(self) -> str:
        """The unit of a difference: percentages differ by points."""
        return "points" if self.unit == "%" else self.unit

    def text(self, value: float) -> str:
        """``98.25 %``"""
        return f"{value:.{self.digits}f} {self.unit}".rstrip()

    def fault(self, value: object) -> str | None:
        """Why ``value`` cannot be a value of this metric, or None."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{self.key}={value!r}: must be a number"
        if not math.isfinite(value):
            return f"{self.key}={value}: must be finite"
        if not self.low <= value <= self.high:
            return f"{self.key}={value}: must be from {self.low:g} to {self.high:g}"
        return None


def percentage(key: str, title: str, digits: int = 2) -> Metric:
    """A share of successes in percent; higher is better."""
    return Metric(key, title, "%", True, digits, 0.0, 100.0)


def loss_in_nats(key: str, title: str) -> Metric:
    """A mean negative log likelihood; lower is better."""
    return Metric(key, title, "nats", False, 4, 0.0)
