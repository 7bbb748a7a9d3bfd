"""The table of a preset: its rows from records, matched by configuration hash, compared as the preset planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from experiments.families.metric import Metric
from experiments.records.record import Record
from experiments.studies.cells import Cell, metric_of
from experiments.studies.naming import cell_title
from experiments.studies.presets import Preset, compared_pairs
from experiments.studies.stages import Study
from experiments.tables.evidence import Evidence
from experiments.tables.row import Published, Row, make_row


@dataclass(frozen=True)
class Table:
    """A preset's rows with all that a reader needs to judge them.

    ``runs`` are the records that count, ``explored`` those of the seeds that raised the question. ``study``: the state
    of a preset with stages (tuning, looks), else None.
    """

    preset: Preset
    metric: Metric
    reference: str
    rows: list[Row]
    runs: list[Record]
    explored: list[Record]
    study: Study | None = None

    @property
    def digits(self) -> int:
        return self.metric.digits

    @property
    def left(self) -> int:
        """Number of planned runs without a result; with looks, those of the next looks."""
        return sum(row.missing for row in self.rows)

    @property
    def paired(self) -> bool:
        return self.preset.comparison == "paired"

    @cached_property
    def pairs(self) -> dict[str, str]:
        """The reference of each row, by overrides."""
        return compared_pairs(self.preset)

    @property
    def values(self) -> dict[str, dict[int, float]]:
        return {row.cell.overrides: row.values for row in self.rows}

    @property
    def diverged(self) -> dict[str, list[int]]:
        return {row.cell.overrides: row.diverged for row in self.rows}

    @cached_property
    def by_overrides(self) -> dict[str, Row]:
        return {row.cell.overrides: row for row in self.rows}


def build(preset: Preset, cells: Sequence[Cell], records: Sequence[Record]) -> Table:
    """The table with rows in the order of the cells. Runs of the preset's explored seeds do not count."""
    return table_of(Evidence(preset, metric_of(preset, cells), cells, records), records)


def build_staged(study: Study, records: Sequence[Record]) -> Table:
    """The table of a preset with stages; without rows while the tuning continues."""
    return table_of(Evidence(study.preset, study.metric, study.cells, records, study.rows), records, study)


def table_of(evidence: Evidence, records: Sequence[Record], study: Study | None = None) -> Table:
    preset, published = evidence.preset, Published(evidence.preset)
    first = next((cell for cell in evidence.cells if cell.overrides not in evidence.pairs), None)
    runs = {cell.run for cell in evidence.cells}
    return Table(
        preset=preset,
        metric=evidence.metric,
        reference=cell_title(first.config.activation, preset.reference) if first else "",
        rows=[make_row(evidence, cell, published) for cell in evidence.cells],
        runs=[record for found in evidence.runs.values() for record in found],
        explored=[r for r in records if r["run"] in runs and r["seed"] < preset.explored],
        study=study,
    )
