"""Holm's correction of p values, and the level at which it tests each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy

from experiments.stats.power import ALPHA


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-adjusted p values (1979): the k-th smallest of m times m + 1 - k, at most 1, and not below smaller ones.

    nan stays nan and does not count.
    """
    p = numpy.asarray(p_values, dtype=float)
    ascending = numpy.argsort(p)[: numpy.count_nonzero(~numpy.isnan(p))]  # nan sorts last
    steps = p[ascending] * numpy.arange(len(ascending), 0, -1)
    adjusted = numpy.full(len(p), math.nan)
    adjusted[ascending] = numpy.maximum.accumulate(steps).clip(max=1.0)
    return [float(each) for each in adjusted]


def holm_levels(p_values: Sequence[float], error: float = ALPHA) -> list[float]:
    """The level at which Holm's method tests each p: error / (m + 1 - k) for the k-th smallest, while it rejects.

    From the first p that is not significant, all have the level of its step. So a p is below its level exactly if
    the adjusted p is below ``error``. nan does not count, and has the level of the first step.
    """
    p = numpy.asarray(p_values, dtype=float)
    ascending = numpy.argsort(p)[: numpy.count_nonzero(~numpy.isnan(p))]
    levels = numpy.full(len(p), error / max(1, len(ascending)))
    for step, index in enumerate(ascending):
        level = error / (len(ascending) - step)
        levels[index] = level
        if not p[index] < level:
            levels[ascending[step:]] = level
            break
    return [float(each) for each in levels]
