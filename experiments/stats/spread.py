"""Sample standard deviation of single runs over seeds: one figure for a table, or a range if its rows differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy
from scipy import stats

from experiments.stats.difference import LEVEL

Values = Mapping[int, float]  # by seed


@dataclass(frozen=True)
class Spread:
    """The sd of one run. ``low`` = ``high`` if the rows have equal sds, else the range over the compared pairs."""

    low: float
    high: float

    @property
    def known(self) -> bool:
        return self.low > 0

    @property
    def alike(self) -> bool:
        return self.low == self.high

    def text(self, shown: Callable[[float], str]) -> str:
        """The sd, or its two ends, formatted by ``shown``: ``4`` or ``4 to 93``."""
        return " to ".join(dict.fromkeys(map(shown, (self.low, self.high))))


def spread_of(groups: Mapping[str, Values], pairs: Mapping[str, str]) -> Spread:
    """The sd of one run, pooled over all ``groups``; if their sds differ, pooled over the sides of each of ``pairs``.

    Bartlett's test (1937) at 5 % decides whether sds differ. nan if no group has two runs.
    """
    alike = pooled_sd(groups.values())
    own = [pooled_sd([groups[name], groups[other]]) for name, other in pairs.items()]
    known = [sd for sd in own if sd > 0]
    varied = [list(group.values()) for group in groups.values() if len(group) > 1 and numpy.ptp(list(group.values()))]
    if len(varied) < 2 or not known or stats.bartlett(*varied).pvalue >= 1 - LEVEL:
        return Spread(alike, alike)
    return Spread(min(known), max(known))


def pooled_sd(groups: Iterable[Values]) -> float:
    """√(Σ(n - 1)s² / Σ(n - 1)) over the groups; nan if none has two runs."""
    counted = [list(group.values()) for group in groups if len(group) > 1]
    if not counted:
        return math.nan
    squares = sum(float(numpy.var(group)) * len(group) for group in counted)
    return math.sqrt(squares / sum(len(group) - 1 for group in counted))
