"""Diverged runs: their number, whether their rate differs between row and reference, and the words for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scipy import stats

from experiments.stats.estimate import Test


@dataclass(frozen=True)
class Failures:
    """``row`` of ``row_runs`` runs diverged, and ``reference`` of ``reference_runs``. ``p`` is adjusted."""

    row: int
    row_runs: int
    reference: int
    reference_runs: int
    p: float

    @property
    def any(self) -> bool:
        return self.row + self.reference > 0

    def words(self) -> str:
        """``diverged: 5 of 7 runs (reference: 0 of 7, p = 0.021)``; empty if no run diverged."""
        if not self.any:
            return ""
        p = "< 0.001" if self.p < 0.001 else f"= {self.p:.3f}"
        return (
            f"diverged: {self.row} of {self.row_runs} runs "
            f"(reference: {self.reference} of {self.reference_runs}, p {p})"
        )


def compare_failures(
    row_failed: Collection[int],
    row_finished: Collection[int],
    reference_failed: Collection[int],
    reference_finished: Collection[int],
    test: Test = "paired",
    comparisons: int = 1,
) -> Failures:
    """Compare the rates of divergence exactly. The arguments are seeds.

    ``paired`` uses McNemar's exact test (1947) over the seeds that both sides ran. With equal rates, half of
    the failures at seeds with one failed side are expected on either side. ``welch`` uses Barnard's exact test (1945)
    for independent runs.
    ``p`` is multiplied by ``comparisons`` (Bonferroni). It is 1 if no run failed, or if no seed has one failed side.
    Raises ValueError for a seed that both failed and finished.
    """
    for failed, finished in ((row_failed, row_finished), (reference_failed, reference_finished)):
        both = sorted(set(failed) & set(finished))
        if both:
            raise ValueError(f"seed {both[0]}: both failed and finished")
    row, reference = set(row_failed), set(reference_failed)
    row_runs, reference_runs = len(row | set(row_finished)), len(reference | set(reference_finished))
    if test == "paired":
        common = (row | set(row_finished)) & (reference | set(reference_finished))
        p = exact_mcnemar(len((row - reference) & common), len((reference - row) & common))
    else:
        p = barnard(len(row), row_runs, len(reference), reference_runs)
    return Failures(len(row), row_runs, len(reference), reference_runs, min(1.0, p * comparisons))


def exact_mcnemar(row_alone: int, reference_alone: int) -> float:
    """Two-sided p of the sign test on the seeds at which exactly one side failed."""
    total = row_alone + reference_alone
    return float(stats.binomtest(row_alone, total).pvalue) if total else 1.0


def barnard(row: int, row_runs: int, reference: int, reference_runs: int) -> float:
    """Two-sided p of Barnard's unconditional test. It is exact, and more powerful than Fisher's test."""
    failed = row + reference
    if min(row_runs, reference_runs) == 0 or failed in (0, row_runs + reference_runs):
        return 1.0
    table = [[row, reference], [row_runs - row, reference_runs - reference]]
    return float(stats.barnard_exact(table).pvalue)
