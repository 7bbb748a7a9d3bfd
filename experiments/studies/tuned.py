"""The state of a preset's tuning: its grid so far, the result of every cell, and the choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from experiments.errors import UserError
from experiments.families.metric import Metric
from experiments.families.registry import family_of_model
from experiments.stats.tuning import Choice, End, Point, choose, grow, points_of
from experiments.studies.cells import Cell, make_cell
from experiments.studies.presets import Preset
from experiments.studies.results import Results, value_of

Scores = dict[Point, dict[int, float | None]]  # by seed; None if the run diverged


@dataclass
class TuningState:
    """``scores`` by cell. ``choices`` by cell, once all runs of the final ``grid`` exist; empty before.

    ``missing``: the runs that are not trained yet. ``edges``: the ends of the grid at which a best value still lies
    although the grid may not grow further.
    """

    metric: Metric
    grid: dict[str, list[float]]
    scores: dict[str, Scores] = field(default_factory=dict)
    choices: dict[str, Choice] = field(default_factory=dict)
    edges: list[tuple[str, End]] = field(default_factory=list)
    missing: list[tuple[Cell, int]] = field(default_factory=list)
    cells: dict[str, dict[Point, Cell]] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return bool(self.choices)

    @property
    def tried(self) -> list[Cell]:
        """Every cell at every point of the grid."""
        return [cell for mine in self.cells.values() for cell in mine.values()]


def follow_tuning(preset: Preset, cells: Sequence[Cell], results: Results, extra: Sequence[str] = ()) -> TuningState:
    """Try the grid on every cell, extend it if a best value lies at its end, and choose.

    Raises UserError if the family cannot evaluate the preset's metric on held-out training data.
    """
    tune = preset.tune
    state = TuningState(tuning_metric(preset, cells), dict(tune.grid))
    while True:
        for cell in cells:
            mine = state.cells.setdefault(cell.overrides, {})
            for point in points_of(state.grid):
                if point not in mine:
                    words = [*tune.words(point), tune.held_out]
                    mine[point] = make_cell(preset, cell.overrides, extra, words)
        results.read_records(cell.run for cell in state.tried)
        look_up(state, tune.seed_numbers, results)
        if state.missing:
            return state
        higher = state.metric.higher_is_better
        choices = {name: choose(scores, state.grid, higher) for name, scores in state.scores.items()}
        growth = grow(state.grid, choices, tune.extend, tune.grid)
        if growth.done:
            state.choices, state.edges = choices, growth.stopped
            return state
        state.grid = growth.grid


def chosen_cells(
    preset: Preset, cells: Sequence[Cell], tuning: TuningState, results: Results, extra: Sequence[str] = ()
) -> list[Cell]:
    """The cells at their chosen values. Afterwards ``results`` has their records."""
    words = {name: preset.tune.words(choice.point) for name, choice in tuning.choices.items()}
    chosen = [make_cell(preset, cell.overrides, extra, words[cell.overrides]) for cell in cells]
    results.read_records(cell.run for cell in chosen)
    return chosen


def look_up(state: TuningState, seeds: Sequence[int], results: Results) -> None:
    """Fill in the known scores and the missing runs; seeds are the outer loop."""
    state.missing = []
    for seed in seeds:
        for name, mine in state.cells.items():
            for point, cell in mine.items():
                found = results.find(cell.run, cell.config, seed)
                if found is None:
                    state.missing.append((cell, seed))
                else:
                    score = value_of(found, state.metric.key)
                    state.scores.setdefault(name, {}).setdefault(point, {})[seed] = score


def tuning_metric(preset: Preset, cells: Sequence[Cell]) -> Metric:
    """The metric for tuning: the preset's metric on held-out training data, in the family's name. Raises UserError."""
    family = family_of_model(cells[0].config.model.kind)
    key = preset.tune.metric or family.held_out.get(preset.metric)
    metric = family.metric(key) if key else None
    if metric is None:
        shown = f"experiment.tune.metric={key}" if key else f"experiment.metric={preset.metric}"
        raise UserError(f"{shown}: the family {family.kind} cannot tune on it; it can on {', '.join(family.held_out)}")
    return metric
