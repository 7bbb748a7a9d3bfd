"""Compares every row of a table with its reference: one test, and one error shared over the rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from experiments.stats.estimate import Test, Values, estimate_difference
from experiments.stats.failures import Failures, compare_failures
from experiments.stats.verdict import Threshold, Verdict, bonferroni, judge


def judge_rows(
    groups: Mapping[str, Values],
    references: Mapping[str, str],
    higher_is_better: bool,
    margin: float | None = None,
    comparisons: int | None = None,
    test: Test = "paired",
    diverged: Mapping[str, Collection[int]] | None = None,
) -> dict[str, Verdict]:
    """Judge ``groups[name]`` against ``groups[references[name]]`` for every name in ``references``.

    ``groups`` has the value of each finished run by seed, and ``diverged`` the seeds of the failed ones. The error of
    5 % for differences is shared over ``comparisons`` (default: all rows), and so is that for equivalence within
    ``±margin``. Intervals hold for all rows simultaneously. Raises ValueError for a value that is not finite, or for
    fewer ``comparisons`` than rows.
    """
    count = comparisons_of(references, comparisons)
    threshold = bonferroni(count)
    return {
        name: judge_pair(
            groups[name], groups[other], higher_is_better, threshold, threshold, margin, test,
            failures_of(name, other, groups, diverged or {}, test, count),
        )
        for name, other in references.items()
    }  # fmt: skip


def judge_pair(
    row: Values,
    reference: Values,
    higher_is_better: bool,
    difference: Threshold,
    equivalence: Threshold,
    margin: float | None = None,
    test: Test = "paired",
    failures: Failures | None = None,
) -> Verdict:
    """Compare one row with its reference at given thresholds."""
    estimate = estimate_difference(row, reference, test)
    return judge(estimate, higher_is_better, difference, equivalence, margin, failures)


def failures_of(
    name: str,
    other: str,
    groups: Mapping[str, Values],
    diverged: Mapping[str, Collection[int]],
    test: Test,
    comparisons: int,
) -> Failures | None:
    """The failures of both sides; None if neither has a failed run."""
    failed = diverged.get(name, ()), diverged.get(other, ())
    if not any(failed):
        return None
    return compare_failures(failed[0], groups[name], failed[1], groups[other], test, comparisons)


def comparisons_of(references: Mapping[str, str], comparisons: int | None) -> int:
    count = max(1, len(references)) if comparisons is None else comparisons
    if count < len(references):
        raise ValueError(f"comparisons={count}: must be at least the {len(references)} rows that are compared")
    return count
