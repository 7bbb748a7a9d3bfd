"""One error budget for many comparisons: a page of claims, over several tables, units and tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from experiments.stats.comparison import holm
from experiments.stats.power import ALPHA
from experiments.stats.verdict import Verdict, agreeing, bonferroni, judge, kind_of

Method = Literal["single-step", "holm"]
JUST_ABOVE_0 = math.ulp(0.0)


def share_budget(verdicts: Sequence[Verdict], method: Method = "single-step") -> list[Verdict]:
    """Judge the same estimates again, with one error of 5 % for all of them together.

    ``single-step`` divides the error by their number (Bonferroni): the intervals hold together and say how large a
    difference is. ``holm`` finds at least as many differences (Holm 1979), and pays for it in the intervals: that of
    a found difference says its sign only, from 0 to infinity; those of the others are Bonferroni's over the ones not
    found (Guilbaud, Biometrical Journal 50, 2008). Untested comparisons count for nothing in ``holm``, and count as
    any other in ``single-step``. Equivalence has an error of its own, shared in the same way; with ``holm`` the
    interval of an equivalence is the margin itself.

    A verdict from a study with looks must not be judged again at a level that ignores them: pass verdicts at a fixed
    number of seeds. Raises ValueError for an unknown method.
    """
    if method == "single-step":
        threshold = bonferroni(max(1, len(verdicts)))
        return [judge(v.estimate, v.higher_is_better, threshold, threshold, v.margin, v.failures) for v in verdicts]
    if method != "holm":
        raise ValueError(f"method={method}: must be one of single-step, holm")
    raw_equal = [math.nan if v.margin is None else v.estimate.p_within(v.margin) for v in verdicts]
    differences, equalities = holm([v.estimate.p for v in verdicts]), holm(raw_equal)
    open_differences = sum(not p < ALPHA for p in differences if not math.isnan(p))
    open_equalities = sum(not p < ALPHA for p in equalities if not math.isnan(p))
    shared = [
        _judge_by_holm(v, p, q, ALPHA / max(1, open_differences), ALPHA / max(1, open_equalities))
        for v, p, q in zip(verdicts, differences, equalities, strict=True)
    ]
    return [replace(v, kind=kind_of(v)) for v in shared]


def _judge_by_holm(verdict: Verdict, p: float, p_equal: float, level: float, level_equal: float) -> Verdict:
    estimate, margin = verdict.estimate, verdict.margin
    low, high = estimate.interval(level)
    if p < ALPHA:
        low, high = (JUST_ABOVE_0, math.inf) if estimate.value > 0 else (-math.inf, -JUST_ABOVE_0)
    equal_low, equal_high = estimate.equivalence_interval(level_equal)
    if margin is None:
        equal_low = equal_high = math.nan
    elif p_equal < ALPHA:
        equal_low, equal_high = math.nextafter(-margin, 0), math.nextafter(margin, 0)
    return replace(
        verdict,
        kind="open" if estimate.testable else "untested",
        low=low,
        high=high,
        p=agreeing(p, found=low > 0 or high < 0),
        nominal=level,
        equal_low=equal_low,
        equal_high=equal_high,
        p_equal=agreeing(p_equal, found=margin is not None and -margin < equal_low and equal_high < margin),
    )
