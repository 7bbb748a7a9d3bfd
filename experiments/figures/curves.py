"""The learning curves of a preset: mean over seeds with the range of the seeds as a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from matplotlib.figure import Figure

from experiments.figures import style
from experiments.tables.naming import metric_title
from experiments.tables.records import Record
from experiments.tables.table import Table

Series = tuple[list[float], list[float]]


def learning_curves(table: Table) -> Figure:
    """Left the training loss, right the metric (accuracy as error, so that what is good is small)."""
    made, (left, right) = style.figure(2, 4.6)
    metric, axis = table.preset.metric, axis_of(table.runs)
    panels = ((left, "train_loss"), (right, metric))
    for panel, key in panels:
        draw_rows(panel, table, key, axis)
    title = metric_title(metric)
    left.set_ylabel("training loss (nats)")
    right.set_ylabel(title.replace("accuracy", "error"))
    for panel in (left, right):
        style.logarithmic(panel)
        style.progress(panel, axis)
    right.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    made.suptitle(f"{table.preset.title}: mean of {seeds_of(table)} seeds, band from lowest to highest", fontsize=9)
    return made


def seeds_of(table: Table) -> str:
    """``3``, or ``1 to 2 of 3`` where some rows that have begun lack runs."""
    planned = len(table.preset.counted)
    counts = [count for row in table.rows if (count := len(row.values) + row.diverged)]
    ends = " to ".join(str(count) for count in sorted({min(counts), max(counts)}))
    return ends if ends == str(planned) else f"{ends} of {planned}"


def axis_of(records: Sequence[Record]) -> str:
    """Text is counted in tokens, images in epochs."""
    return next((axis for axis in ("tokens", "epoch") if all(axis in r["curve"] for r in records)), "step")


def draw_rows(panel: Any, table: Table, key: str, axis: str) -> bool:
    """One line and band a row; whether any run has ``key``."""
    drawn = False
    for index, row in enumerate(table.rows):
        curves = [r["curve"] for r in table.runs if r["run"] == row.cell.run]
        runs = [series(curve, key, axis) for curve in curves]
        drawn |= draw(panel, index, row.title, [run for run in runs if run[0]])
    return drawn


def series(curve: dict[str, list[Any]], key: str, axis: str) -> Series:
    """Positions and values where ``key`` was logged; an accuracy as its error."""
    points = [(e, v) for e, v in zip(curve[axis], curve.get(key, []), strict=False) if v is not None]
    values = [100 - v if key.endswith("accuracy") else v for _, v in points]
    return [e for e, _ in points], values


def draw(panel: Any, index: int, title: str, runs: list[Series]) -> bool:
    """A diverged run is shorter: the mean is drawn as far as all runs go."""
    length = min((len(values) for _, values in runs), default=0)
    if length == 0:
        return False
    positions = runs[0][0][:length]
    values = numpy.array([values[:length] for _, values in runs])
    colour, line = style.look(index)
    panel.plot(positions, values.mean(0), line, color=colour, label=title)
    panel.fill_between(positions, values.min(0), values.max(0), color=colour, alpha=0.12, linewidth=0)
    return True
