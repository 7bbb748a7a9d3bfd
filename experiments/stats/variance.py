"""Welch's analysis of variance: whether several groups of seeds have one mean, in a single test."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy


def welch_anova(groups: Sequence[Sequence[float]]) -> float:
    """p of Welch's analysis of variance (1951), which does not assume equal variances. For two groups: Welch's t.

    Needs two groups or more, each with two values and some spread, else nan.
    """
    if len(groups) < 2 or any(len(group) < 2 or numpy.ptp(group) == 0 for group in groups):
        return math.nan
    from statsmodels.stats.oneway import anova_oneway  # here, as it imports pandas: a second for every script

    found = anova_oneway([numpy.asarray(group) for group in groups], use_var="unequal", welch_correction=True)
    return float(found.pvalue)
