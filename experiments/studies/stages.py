"""The next runs of a study: first its tuning runs, then its counted seeds, all at once or look by look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.families.metric import Metric
from experiments.stats.stopping import RowState, follow_rows
from experiments.studies.cells import Cell, cells_of, metric_of
from experiments.studies.presets import Preset, compared_pairs, looks_of
from experiments.studies.results import Results, value_of
from experiments.studies.tuned import TuningState, chosen_cells, follow_tuning


@dataclass(frozen=True)
class Stage:
    """``title`` for people. ``runs``: the cells and seeds of this stage that are not trained yet."""

    title: str
    runs: list[tuple[Cell, int]]


@dataclass(frozen=True)
class Study:
    """A preset with the known results of its runs.

    ``cells`` are the counted ones: tuned cells, or none while the tuning continues. ``rows`` are the states of the rows
    at their looks. ``stage`` is what to train next; None when the study is complete.
    """

    preset: Preset
    metric: Metric
    cells: list[Cell]
    tuning: TuningState | None
    rows: dict[str, RowState]
    stage: Stage | None


def follow_study(preset: Preset, results: Results, extra: Sequence[str] = ()) -> Study:
    """The state of ``preset`` and its next stage. ``extra`` are overrides for all its runs. Raises UserError."""
    cells = cells_of(preset, extra)
    metric = metric_of(preset, cells)
    tuning = None
    if preset.tune:
        tuning = follow_tuning(preset, cells, results, extra)
        if not tuning.done:
            values = ", ".join(f"{key} in {', '.join(f'{v:g}' for v in axis)}" for key, axis in tuning.grid.items())
            return Study(preset, metric, [], tuning, {}, Stage(f"tuning: {values}", tuning.missing))
        cells = chosen_cells(preset, cells, tuning, results, extra)
    else:
        results.read_records(cell.run for cell in cells)
    rows = follow_looks(preset, metric, cells, results)
    return Study(preset, metric, cells, tuning, rows, counted_stage(preset, cells, rows, results))


def follow_looks(preset: Preset, metric: Metric, cells: Sequence[Cell], results: Results) -> dict[str, RowState]:
    """The state of each row at its looks."""
    values, diverged = counted_outcomes(preset, metric, cells, results)
    return follow_rows(
        values,
        compared_pairs(preset),
        metric.higher_is_better,
        looks_of(preset),
        list(preset.counted),
        preset.margin,
        diverged=diverged,
    )


def counted_outcomes(
    preset: Preset, metric: Metric, cells: Sequence[Cell], results: Results
) -> tuple[dict[str, dict[int, float]], dict[str, list[int]]]:
    """By cell: the metric of each finished run by seed, and the seeds of the diverged ones."""
    values: dict[str, dict[int, float]] = {}
    diverged: dict[str, list[int]] = {}
    for cell in cells:
        found = {seed: results.find(cell.run, cell.config, seed) for seed in preset.counted}
        known = {seed: value_of(result, metric.key) for seed, result in found.items()}
        values[cell.overrides] = {seed: value for seed, value in known.items() if value is not None}
        diverged[cell.overrides] = [s for s, result in found.items() if result and result["status"] == "diverged"]
    return values, diverged


def counted_stage(preset: Preset, cells: Sequence[Cell], rows: dict[str, RowState], results: Results) -> Stage | None:
    """The missing counted runs of the next look, for the rows that are not settled."""
    counted, pairs, sizes = list(preset.counted), compared_pairs(preset), preset.looks
    open_rows = {name: sizes[state.look] for name, state in rows.items() if not state.stopped}
    if not open_rows:
        return None
    wanted = {name: counted[:size] for name, size in open_rows.items()}
    for name, size in open_rows.items():
        wanted[pairs[name]] = max(wanted.get(pairs[name], []), counted[:size], key=len)
    first = min(state.look for name, state in rows.items() if name in open_rows)
    title = f"look {first + 1} of {len(sizes)}: {sizes[first]} seeds of {len(open_rows)} open rows"
    missing = [
        (cell, seed)
        for seed in counted
        for cell in cells
        if seed in wanted.get(cell.overrides, ()) and results.find(cell.run, cell.config, seed) is None
    ]
    return Stage(title, missing) if missing else None
