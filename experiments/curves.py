"""The learning curves of a preset: mean over seeds with the range of the seeds as a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from matplotlib.figure import Figure

from experiments import style
from experiments.naming import cell_title
from experiments.presets import Preset
from experiments.records import Cell, Record


def learning_curves(preset: Preset, cells: Sequence[Cell], records: Sequence[Record]) -> Figure:
    """Left the training loss, right the metric (accuracy as error, so that what is good is small)."""
    made, (left, right) = style.figure(2)
    for index, cell in enumerate(cells):
        curves = [r["curve"] for r in records if r["run"] == cell.run and r["seed"] < preset.seeds]
        if curves:
            title = cell_title(cell.config.activation, cell.overrides)
            draw(left, index, title, [series(curve, "train_loss") for curve in curves])
            draw(right, index, title, [series(curve, preset.metric) for curve in curves])
    left.set(xlabel="epoch", ylabel="training loss (nats)", yscale="log")
    error = preset.metric.endswith("accuracy")
    name = preset.metric.replace("_", " ")
    right.set(xlabel="epoch", ylabel=f"{name.replace('accuracy', 'error')} (%)" if error else name, yscale="log")
    for axis in (right.yaxis.set_major_formatter, right.yaxis.set_minor_formatter):
        axis("{x:g}")
    right.legend(fontsize=7)
    made.suptitle(f"{preset.title}: mean of {preset.seeds} seeds, band from lowest to highest", fontsize=9)
    return made


def series(curve: dict[str, list[Any]], key: str) -> tuple[list[float], list[float]]:
    """Epochs and values where ``key`` was logged; an accuracy as its error."""
    points = [(e, v) for e, v in zip(curve["epoch"], curve.get(key, []), strict=False) if v is not None]
    values = [100 - v if key.endswith("accuracy") else v for _, v in points]
    return [e for e, _ in points], values


def draw(axes: Any, index: int, title: str, runs: list[tuple[list[float], list[float]]]) -> None:
    """A diverged run is shorter: the mean is drawn as far as all runs go."""
    length = min(len(values) for _, values in runs)
    if length == 0:
        return
    epochs = runs[0][0][:length]
    values = numpy.array([values[:length] for _, values in runs])
    colour, line = style.look(index)
    axes.plot(epochs, values.mean(0), line, color=colour, label=title)
    axes.fill_between(epochs, values.min(0), values.max(0), color=colour, alpha=0.12, linewidth=0)
