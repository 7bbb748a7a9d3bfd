"""One row of a table: a cell of the preset, compared with the reference in its context, with the words for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from experiments.families.metric import Metric
from experiments.stats import RowState, Summary, Verdict, summarise, verdict_words
from experiments.stats.verdict import Kind
from experiments.studies.cells import Cell
from experiments.studies.presets import Preset, reference_cell
from experiments.tables.evidence import Evidence
from experiments.tables.provenance import provenance_remark

RowKind = Literal["reference", "not run", "pending", "other data"] | Kind


class Judged:
    """Common to a row and an activation over all settings: the properties of its verdict."""

    verdict: Verdict | None
    kind: RowKind
    diverged: list[int]

    @property
    def is_reference(self) -> bool:
        return self.kind == "reference"

    @property
    def interval(self) -> tuple[float, float]:
        return (self.verdict.low, self.verdict.high) if self.verdict else (math.nan, math.nan)

    @property
    def judged(self) -> bool:
        """Whether there is a verdict that counts."""
        return self.verdict is not None and self.kind not in ("pending", "other data")

    @property
    def p(self) -> float:
        return self.verdict.p if self.verdict and self.judged else math.nan

    @property
    def p_equal(self) -> float:
        return self.verdict.p_equal if self.verdict and self.judged else math.nan

    @property
    def different(self) -> bool:
        """Whether it is significantly better or worse. False for a row whose failures forbid a verdict."""
        return self.kind in ("better", "worse")

    @property
    def bold(self) -> bool:
        """Whether its mean is printed bold: it is significantly better, and none of its runs diverged."""
        return self.kind == "better" and not self.diverged


@dataclass(frozen=True)
class Row(Judged):
    """``values`` is the metric of each finished run that counts, by seed; ``diverged`` are the seeds of the others.

    ``verdict`` is None for a reference, before the first look, and if no verdict is allowed. ``kind`` is its word, or
    why there is none. ``missing``: number of planned runs without a result.
    """

    cell: Cell
    title: str
    metric: Metric
    planned: int
    missing: int
    values: dict[int, float]
    diverged: list[int]
    verdict: Verdict | None
    kind: RowKind
    state: RowState | None  # its state at the looks, if the preset has looks
    against: str  # title of its reference
    published: float | None
    published_difference: float | None
    remark: str  # what differs between the runs of this cell, or from those of its reference; else empty

    @cached_property
    def summary(self) -> Summary:
        return summarise(list(self.values.values()))

    @property
    def difference(self) -> float:
        return self.verdict.estimate.value if self.verdict else math.nan

    @property
    def gap(self) -> float | None:
        """The distance to the published value, or of the difference to the published difference."""
        if self.values and self.published is not None:
            return self.summary.mean - self.published
        if self.published_difference is not None and not math.isnan(self.difference):
            return self.difference - self.published_difference
        return None

    @cached_property
    def words(self) -> str:
        """The verdict in words, or why there is none."""
        runs = len(self.values) + len(self.diverged)
        if self.kind == "reference":
            return f"reference; diverged: {len(self.diverged)} of {runs} runs" if self.diverged else "reference"
        if self.kind == "not run":
            return "not run"
        if self.kind == "other data":
            return f"no verdict: trained on other data than {self.against}"
        unit, digits = self.metric.difference_unit, self.metric.digits
        if self.state is not None:
            return self.state.words(unit, digits)
        if self.kind == "pending" or self.verdict is None:
            return f"pending: {self.missing} of {self.planned} runs are missing" if self.missing else "pending"
        failures = self.verdict.failures
        if not self.values and failures:
            return failures.words()
        return verdict_words(self.verdict, unit, digits)


def make_row(evidence: Evidence, cell: Cell, published: Published) -> Row:
    name = cell.overrides
    other = evidence.pairs.get(name)
    kind, titles = row_kind(evidence, name), evidence.titles
    value, difference = published.of(name)
    return Row(
        cell=cell,
        title=titles[name],
        metric=evidence.metric,
        planned=len(evidence.planned(name)),
        missing=evidence.missing(name),
        values=evidence.values[name],
        diverged=evidence.diverged[name],
        verdict=None if kind in ("other data", "not run") else evidence.verdicts.get(name),
        kind=kind,
        state=evidence.states.get(name),
        against=titles[other] if other else "",
        published=value,
        published_difference=difference,
        remark=provenance_remark(
            evidence.runs[name], evidence.runs[other] if other else (), titles[other] if other else ""
        ),
    )


def row_kind(evidence: Evidence, name: str) -> RowKind:
    """The verdict's word, or why there is none.

    Holm's correction needs the p of every row. So one missing run leaves all rows of such a table pending.
    """
    if name not in evidence.pairs:
        return "reference"
    if not evidence.runs[name]:
        return "not run"
    if evidence.other_data(name):
        return "other data"
    state = evidence.states.get(name)
    if state is not None:
        return state.verdict.kind if state.stopped and state.verdict else "pending"
    concerned = evidence.runs if evidence.preset.comparison == "welch" else (name, evidence.pairs[name])
    if any(evidence.missing(each) for each in concerned):
        return "pending"
    return evidence.verdicts[name].kind


class Published:
    """The published figures of a preset: values, and differences to the reference, stated or computed from values."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.entries: dict[str, dict[str, Any]] = {entry["cell"]: entry for entry in preset.published}

    def of(self, cell: str) -> tuple[float | None, float | None]:
        """Value and difference; None if not published."""
        entry = self.entries.get(cell, {})
        value, difference = entry.get("value"), entry.get("difference")
        reference = reference_cell(self.preset, cell)
        other = self.entries.get(reference, {}).get("value")
        if reference != cell and value is not None and other is not None:
            difference = value - other
        return value, difference
