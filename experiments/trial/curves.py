"""Learning curves and tuning curves of a task, as lists of points."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from experiments.families.registry import family_of_model
from experiments.runs.metrics_log import read_lines
from experiments.studies.results import Results
from experiments.trial.battery import TaskState

Points = dict[str, list[list[float]]]  # by title of the activation


def tuning_curves(state: TaskState, titles: Mapping[str, str]) -> Points:
    """Mean held-out metric by tuned value. A value at which a run diverged is left out."""
    found: Points = {}
    for name, scores in state.tuning.scores.items():
        points = [
            [point[0], statistics.fmean(value for value in seeds.values() if value is not None)]
            for point, seeds in sorted(scores.items())
            if None not in seeds.values()
        ]
        found[titles[name]] = points
    return found


def curves_of(state: TaskState, titles: Mapping[str, str], results: Results) -> Points:
    """The metric of the first counted seed during training, for the runs of this trial."""
    found: Points = {}
    for cell in state.cells:
        log = results.path(cell.config, state.preset.counted[0]).with_name("metrics.jsonl")
        key, along = state.metric.key, family_of_model(cell.config.model.kind).progress_key
        if log.exists():
            lines: list[dict[str, Any]] = [each for each in read_lines(log) if key in each and along in each]
            found[titles[cell.overrides]] = [[float(each[along]), float(each[key])] for each in lines]
    return found
