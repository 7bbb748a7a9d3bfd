"""One comparison of two configurations: all runs that count, from all tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from experiments.families.metric import Metric
from experiments.stats import Verdict, judge_rows, verdict_words
from experiments.stats.estimate import Test
from experiments.stats.verdict import Kind

PairKind = Literal["pending", "other data", "not run"] | Kind


@dataclass(frozen=True)
class Pair:
    """A row and a reference. ``values`` and ``diverged`` (seeds) belong to these two sides.

    ``tables`` are those whose runs count. Their error is shared over ``comparisons``. ``own`` is the verdict of the
    table if only one table has the pair.
    """

    titles: tuple[str, str]
    metric: Metric
    values: tuple[dict[int, float], dict[int, float]]
    diverged: tuple[list[int], list[int]]
    margin: float | None
    test: Test
    comparisons: int
    tables: tuple[str, ...]
    pending: bool = False
    other_data: bool = False
    own: Verdict | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for two questions about the same runs."""
        return (*self.tables, *self.titles)

    @property
    def n(self) -> int:
        """Number of seeds that count on both sides, or on the smaller side."""
        if self.test == "paired":
            return len(self.values[0].keys() & self.values[1].keys())
        return min(map(len, self.values))

    @property
    def ran(self) -> bool:
        return all(values or failed for values, failed in zip(self.values, self.diverged, strict=True))

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on every page; None before the first look, and if the data differ."""
        if self.own is not None and not self.other_data:
            return self.own
        return self.judged(self.comparisons)

    def judged(self, comparisons: int) -> Verdict | None:
        """The verdict with the error shared over this number of ``comparisons``: those of a table, or of a page."""
        if self.other_data or not self.ran:
            return None
        groups = dict(zip(("row", "reference"), self.values, strict=True))
        failed = dict(zip(("row", "reference"), self.diverged, strict=True))
        higher = self.metric.higher_is_better
        return judge_rows(groups, {"row": "reference"}, higher, self.margin, comparisons, self.test, failed)["row"]

    @property
    def kind(self) -> PairKind:
        if not self.ran:
            return "not run"
        if self.other_data:
            return "other data"
        return "pending" if self.pending or self.verdict is None else self.verdict.kind

    @property
    def different(self) -> bool:
        return self.kind in ("better", "worse")

    @property
    def words(self) -> str:
        """``better by 0.1 to 0.4 points``, ``pending`` …"""
        verdict = self.verdict
        if verdict is None or self.kind in ("pending", "other data", "not run"):
            return "no verdict: other data" if self.kind == "other data" else str(self.kind)
        return verdict_words(verdict, self.metric.difference_unit, self.metric.digits)
