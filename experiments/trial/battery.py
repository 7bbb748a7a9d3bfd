"""The tasks of a battery, and the state of each: tuning, counted seeds look by look, verdicts."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import yaml

from experiments.errors import UserError, must_be
from experiments.families.metric import Metric
from experiments.stats import RowState, follow_rows
from experiments.studies.cells import Cell, cells_of, metric_of
from experiments.studies.presets import Preset, load_preset, looks_of
from experiments.studies.results import Results
from experiments.studies.stages import counted_outcomes
from experiments.studies.tuned import TuningState, chosen_cells, follow_tuning

Run = tuple[Cell, int]  # a cell and a seed
T = TypeVar("T")


@functools.cache
def batteries() -> dict[str, list[str]]:
    """The names of the presets of each battery."""
    found: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("batteries.yaml").read_text())
    return found


def tasks_of(battery: str, newcomer: str, against: Sequence[str]) -> list[Preset]:
    """The presets of ``battery`` with the newcomer and the baselines as cells. All have looks. Raises UserError."""
    if battery not in batteries():
        raise UserError(must_be("battery", battery, f"one of none, {', '.join(batteries())}"))
    cells = [newcomer, *(f"activation={name}" for name in against)]
    presets = [load_preset(name) for name in batteries()[battery]]
    return [replace(preset, cells=cells, reference=cells[1], grids=[]) for preset in presets]


@dataclass
class TaskState:
    """``rows``: the state of the comparison with each baseline. ``missing``: the runs of the stage ``stage``."""

    preset: Preset
    metric: Metric
    cells: list[Cell]
    tuning: TuningState
    rows: dict[str, RowState] = field(default_factory=dict)
    missing: list[Run] = field(default_factory=list)
    stage: str = ""


def follow_task(preset: Preset, results: Results, comparisons: int, extra: Sequence[str] = ()) -> TaskState:
    """The state of ``preset``. The error of 5 % is shared over the ``comparisons`` of the whole page."""
    cells = cells_of(preset, extra)
    tuning = tune_separately(preset, cells, results, extra)
    metric = metric_of(preset, cells)
    if not tuning.done:
        return TaskState(preset, metric, cells, tuning, missing=tuning.missing, stage="tuning")
    cells = chosen_cells(preset, cells, tuning, results, extra)
    state = TaskState(preset, metric, cells, tuning)
    state.rows = judge_newcomer(state, results, comparisons)
    sizes = {row: preset.looks[each.look] for row, each in state.rows.items() if not each.stopped}
    if sizes:
        wanted = {**sizes, cells[0].overrides: max(sizes.values())}
        state.missing = [
            (cell, seed)
            for seed in preset.counted
            for cell in cells
            if seed in preset.counted[: wanted.get(cell.overrides, 0)]
            and results.find(cell.run, cell.config, seed) is None
        ]
        first = min(state.rows[row].look for row in sizes)
        state.stage = f"look {first + 1} of {len(preset.looks)}"
    return state


def tune_separately(preset: Preset, cells: Sequence[Cell], results: Results, extra: Sequence[str]) -> TuningState:
    """The tuning of newcomer and baselines, each on a grid that has its best value in the interior.

    The baselines keep the grid and the choices of their own study. So they are not trained again if the newcomer's best
    value is at an end. The newcomer tries all values of that grid, and more if its best is at an end.
    """
    newcomer, *baselines = cells
    state = tune_baselines(preset, baselines, results, extra)
    wider = replace(preset, tune=replace(preset.tune, grid=state.grid))
    own = follow_tuning(wider, [newcomer], results, extra)
    names = {cell.overrides for cell in baselines}
    scores, tried = ({**getattr(own, key), **kept(getattr(state, key), names)} for key in ("scores", "cells"))
    missing = [*own.missing, *(run for run in state.missing if run[0].overrides in names)]
    choices = {} if missing else {**own.choices, **kept(state.choices, names)}
    return TuningState(own.metric, own.grid, scores, choices, own.edges, missing, tried)


def tune_baselines(preset: Preset, baselines: Sequence[Cell], results: Results, extra: Sequence[str]) -> TuningState:
    """The tuning of the task's own study if it is complete and has the baselines; else a tuning of the baselines."""
    study = load_preset(preset.name)
    if {cell.overrides for cell in baselines} <= set(study.cells):
        state = follow_tuning(preset, cells_of(study, extra), results, extra)
        if state.done:
            return state
    return follow_tuning(preset, baselines, results, extra)


def kept(values: Mapping[str, T], names: Collection[str]) -> dict[str, T]:
    return {name: value for name, value in values.items() if name in names}


def judge_newcomer(state: TaskState, results: Results, comparisons: int) -> dict[str, RowState]:
    """The newcomer compared with each baseline, in the baselines' order."""
    looks, counted = looks_of(state.preset), list(state.preset.counted)
    values, diverged = counted_outcomes(state.preset, state.metric, state.cells, results)
    newcomer, *baselines = values
    pairs = {f"newcomer/{name}": name for name in baselines}
    for pair in pairs:
        values[pair], diverged[pair] = values[newcomer], diverged[newcomer]
    rows = follow_rows(
        values, pairs, state.metric.higher_is_better, looks, counted, state.preset.margin, comparisons, diverged
    )
    return {pairs[pair]: row for pair, row in rows.items()}
