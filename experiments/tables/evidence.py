"""The counted runs of a study by cell, and the verdict on every row as its preset planned it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

from experiments.families.metric import Metric
from experiments.records.record import Record
from experiments.stats import RowState, Verdict, judge_rows, share_budget
from experiments.stats.estimate import Test, Values
from experiments.studies.cells import Cell
from experiments.studies.naming import cell_title
from experiments.studies.presets import Preset, compared_pairs
from experiments.studies.results import finished_values
from experiments.tables.provenance import saw_other_data


class Evidence:
    """The ``records`` of a preset's counted seeds. Cells are named by their overrides.

    A run counts only for the cell whose configuration hash it has. ``states``: the state of each row at its looks, if
    the preset has looks.
    """

    def __init__(
        self,
        preset: Preset,
        metric: Metric,
        cells: Sequence[Cell],
        records: Sequence[Record],
        states: Mapping[str, RowState] | None = None,
    ) -> None:
        self.preset, self.metric, self.cells, self.states = preset, metric, cells, states or {}
        self.pairs = compared_pairs(preset)
        by_run: dict[str, list[Record]] = {cell.run: [] for cell in cells}
        for record in records:
            if record["run"] in by_run and record["seed"] in preset.counted:
                by_run[record["run"]].append(record)
        self.runs = {cell.overrides: by_run[cell.run] for cell in cells}
        self.titles = {cell.overrides: cell_title(cell.config.activation, cell.overrides) for cell in cells}

    @cached_property
    def values(self) -> dict[str, dict[int, float]]:
        """The metric of each finished run, by seed."""
        return {name: finished_values(runs, self.metric.key) for name, runs in self.runs.items()}

    @cached_property
    def diverged(self) -> dict[str, list[int]]:
        """The seeds of the runs that diverged."""
        return {
            name: sorted(record["seed"] for record in runs if record["result"]["status"] == "diverged")
            for name, runs in self.runs.items()
        }

    def planned(self, name: str) -> range:
        """The seeds up to the look that settled a row, up to its next look, or all planned seeds."""
        counted, looks = self.preset.counted, self.preset.looks
        if not looks:
            return counted
        if name not in self.pairs:
            rows = (row for row, other in self.pairs.items() if other == name)
            return max((self.planned(row) for row in rows), key=len, default=counted)
        state = self.states.get(name)
        return counted[: looks[0 if state is None else state.look - 1 if state.stopped else state.look]]

    def missing(self, name: str) -> int:
        """Planned runs of a cell that have neither finished nor diverged."""
        return len(set(self.planned(name)) - {record["seed"] for record in self.runs[name]})

    def other_data(self, name: str) -> bool:
        """Whether the runs of a row and its reference were trained on different data."""
        return saw_other_data(self.runs[name], self.runs[self.pairs[name]])

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """The planned verdict of each row: at its look, or one test of all seeds. None before its first look."""
        if self.preset.looks:
            return {name: state.verdict for name, state in self.states.items() if state.verdict}
        return judge_by_plan(self.preset, self.metric, self.values, self.pairs, self.diverged)


def judge_by_plan(
    preset: Preset,
    metric: Metric,
    values: Mapping[str, Values],
    pairs: Mapping[str, str],
    diverged: Mapping[str, Collection[int]],
) -> dict[str, Verdict]:
    """All rows by the preset's planned analysis: paired and single-step, or Welch's test with Holm's correction."""
    if preset.comparison == "paired":
        return judge_rows(values, pairs, metric.higher_is_better, preset.margin, diverged=diverged)
    return judge_by_holm("welch", values, pairs, metric.higher_is_better, preset.margin, diverged)


def judge_by_holm(
    test: Test,
    values: Mapping[str, Values],
    pairs: Mapping[str, str],
    higher_is_better: bool,
    margin: float | None,
    diverged: Mapping[str, Collection[int]],
) -> dict[str, Verdict]:
    """All rows by one test, with Holm's correction over them."""
    alone = judge_rows(values, pairs, higher_is_better, margin, test=test, diverged=diverged)
    return dict(zip(alone, share_budget(list(alone.values()), "holm"), strict=True))
