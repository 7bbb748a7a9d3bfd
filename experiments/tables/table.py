"""The table of a preset: its rows from records, matched by the hash of typed values, compared and put into words."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.families.metric import Metric
from experiments.records.record import Record
from experiments.stats import Comparison, Finding, Summary, compare_both, summarise
from experiments.studies.cells import Cell, metric_of
from experiments.studies.naming import cell_title, shortened, with_interval
from experiments.studies.presets import Preset, compared_pairs, reference_cell
from experiments.tables.notes import commits, mixture, notes


@dataclass(frozen=True)
class Row:
    """One cell of the preset, compared with the reference in its context."""

    cell: Cell
    title: str
    planned: int
    diverged: int
    values: dict[int, float]  # the metric of each finished run, by seed
    comparison: Comparison | None  # None for a reference
    verdict: str
    finding: Finding | None  # the verdict as one word; None for a reference, and where nothing has finished
    published: float | None
    published_difference: float | None
    gap: float | None  # to the published value, else to the published difference
    remark: str  # what differs between the runs of this cell, else empty

    @property
    def summary(self) -> Summary:
        return summarise(list(self.values.values()))

    @property
    def missing(self) -> int:
        """Planned runs that have neither finished nor diverged."""
        return max(0, self.planned - len(self.values) - self.diverged)


@dataclass(frozen=True)
class Table:
    """A preset's rows with what a reader needs to judge them."""

    preset: Preset
    metric: Metric
    reference: str
    rows: list[Row]
    runs: list[Record]
    notes: list[str]

    @property
    def digits(self) -> int:
        return self.metric.digits

    @property
    def left(self) -> int:
        """Planned runs that are still to come. Until they have, every verdict is one so far."""
        return sum(row.missing for row in self.rows)

    def verdict(self, comparison: Comparison) -> str:
        """In words; of a comparison that is none of the rows', too."""
        return verdict(self.metric, self.preset.margin, comparison, self.left)


def verdict(metric: Metric, margin: float | None, comparison: Comparison, left: int) -> str:
    """What a comparison supports, in words; ``left``: planned runs that are still to come."""
    words = comparison.words(metric.higher_is_better, metric.difference_unit, metric.digits, margin)
    return f"so far {words}" if left and comparison.finding(metric.higher_is_better) != "untested" else words


def build(preset: Preset, cells: Sequence[Cell], records: Sequence[Record]) -> Table:
    """Rows in the order of the cells. A run counts for the cell whose configuration hash it has, and for no other.

    Runs of the preset's explored seeds are in a footnote only.
    """
    by_cell: dict[str, list[Record]] = {cell.run: [] for cell in cells}
    for record in records:
        if record["run"] in by_cell and record["seed"] in preset.counted:
            by_cell[record["run"]].append(record)
    values = {cell.overrides: finished(by_cell[cell.run], preset.metric) for cell in cells}
    pairs = compared_pairs(preset)
    metric = metric_of(preset, cells)
    higher = metric.higher_is_better
    chosen, other = compare_both(values, pairs, higher, preset.margin, preset.comparison == "paired")
    published = Published(preset)
    left = sum(len(preset.counted) - len({record["seed"] for record in runs}) for runs in by_cell.values())
    rows = [
        make_row(
            preset, metric, cell, by_cell[cell.run], values[cell.overrides], chosen.get(cell.overrides), published, left
        )
        for cell in cells
    ]
    used = [record for runs in by_cell.values() for record in runs]
    first = next(cell for cell in cells if cell.overrides not in pairs)
    reference = cell_title(first.config.activation, preset.reference)
    titles = {row.cell.overrides: row.title for row in rows}
    flips = [titles[text] for text in pairs if not chosen[text].agrees(other[text])]
    lines = [*notes(preset, metric, cells, used, values, pairs, flips, left), *with_explored(preset, cells, records)]
    return Table(preset, metric, reference, rows, used, lines)


def make_row(
    preset: Preset,
    metric: Metric,
    cell: Cell,
    runs: Sequence[Record],
    values: dict[int, float],
    comparison: Comparison | None,
    published: Published,
    left: int,
) -> Row:
    diverged = sum(r["result"]["status"] == "diverged" for r in runs)
    words = "reference"
    if not values:
        words = "diverged" if diverged else "not run"
    elif comparison is not None:
        words = verdict(metric, preset.margin, comparison, left)
    value, difference = published.of(cell.overrides)
    gap = None
    if values and value is not None:
        gap = summarise(list(values.values())).mean - value
    elif comparison is not None and difference is not None and not math.isnan(comparison.main.value):
        gap = comparison.main.value - difference
    return Row(
        cell=cell,
        title=cell_title(cell.config.activation, cell.overrides),
        planned=len(preset.counted),
        diverged=diverged,
        values=values,
        comparison=comparison,
        verdict=words,
        finding=comparison.finding(metric.higher_is_better) if comparison and values else None,
        published=value,
        published_difference=difference,
        gap=gap,
        remark=mixture(runs),
    )


def with_explored(preset: Preset, cells: Sequence[Cell], records: Sequence[Record]) -> list[str]:
    """Which seeds the table leaves out, their commits, and the differences with them where all of them have run."""
    if not preset.explored:
        return []
    last = preset.explored - 1
    runs = {cell.run for cell in cells}
    mine = [r for r in records if r["seed"] <= last and r["run"] in runs]
    found = commits(mine)
    named, are = (f"Seeds 0 to {last}", "are") if last else ("Seed 0", "is")
    if not mine:
        return [f"{named} {are} not in this table, by plan."]
    text = f"{named}, which raised the question (commit {', '.join(found)}), {are} not in this table"
    every = build(dataclasses.replace(preset, explored=0), cells, records)
    if any(row.missing for row in every.rows):
        return [text + "."]
    differences = {row.title: row.comparison.main for row in every.rows if row.comparison}
    told = [f"{title} {with_interval(d.value, d.low, d.high, every.digits)}" for title, d in differences.items()]
    return [f"{text}; over all {preset.seeds}: {shortened(told)}."]


class Published:
    """The published figures of a preset: values, and differences to the reference, given or taken from two values."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.entries: dict[str, dict[str, Any]] = {entry["cell"]: entry for entry in preset.published}

    def of(self, cell: str) -> tuple[float | None, float | None]:
        """Value and difference, None where not published."""
        entry = self.entries.get(cell, {})
        value, difference = entry.get("value"), entry.get("difference")
        reference = reference_cell(self.preset, cell)
        other = self.entries.get(reference, {}).get("value")
        if reference != cell and value is not None and other is not None:
            difference = value - other
        return value, difference


def finished(records: Sequence[Record], metric: str) -> dict[int, float]:
    """The metric by seed, of the runs that did not diverge, in the order of the seeds."""
    return {
        r["seed"]: r["result"][metric]
        for r in sorted(records, key=lambda r: r["seed"])
        if r["result"]["status"] == "finished"
    }
