"""One error for many comparisons: the rows of a table that planned Holm's correction, or a page of claims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from experiments.stats.holm import holm, holm_levels
from experiments.stats.verdict import Threshold, Verdict, bonferroni, judge

Method = Literal["single-step", "holm"]


def share_budget(verdicts: Sequence[Verdict], method: Method = "single-step") -> list[Verdict]:
    """Judge the same estimates again, with one error of 5 % for all of them together.

    ``single-step`` divides the error by their number (Bonferroni): the intervals hold simultaneously. ``holm`` finds
    at least as many differences (Holm 1979). Then each interval has the level of the step that tested its difference.
    The intervals of differences that were not found hold simultaneously (Guilbaud, Biometrical Journal 50, 2008).
    Those of found differences are at least as wide as Benjamini and Yekutieli's (2005): on average at most 5 % of
    them miss. Untested comparisons do not count in ``holm``, and count like any other in ``single-step``. Equivalence
    has its own error, shared in the same way.

    A verdict from a study with looks must not be judged again at a level that ignores the looks. Pass only verdicts at
    a fixed number of seeds. Raises ValueError for an unknown method.
    """
    if method == "single-step":
        threshold = bonferroni(max(1, len(verdicts)))
        return [judge(v.estimate, v.higher_is_better, threshold, threshold, v.margin, v.failures) for v in verdicts]
    if method != "holm":
        raise ValueError(f"method={method}: must be one of single-step, holm")
    differences = holm_thresholds([v.estimate.p for v in verdicts])
    equalities = holm_thresholds([math.nan if v.margin is None else v.estimate.p_within(v.margin) for v in verdicts])
    return [
        judge(v.estimate, v.higher_is_better, difference, equality, v.margin, v.failures)
        for v, difference, equality in zip(verdicts, differences, equalities, strict=True)
    ]


def holm_thresholds(p_values: Sequence[float]) -> list[Threshold]:
    """For each raw p, the level of its step and the adjusted p."""
    return [
        Threshold(level, lambda _, known=adjusted: known)  # type: ignore[misc]
        for level, adjusted in zip(holm_levels(p_values), holm(p_values), strict=True)
    ]
