"""The learning curves of a preset: mean over seeds, and the range of the seeds as a band."""

from __future__ import annotations

import math
from typing import Any

import numpy
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from experiments.families.metric import Metric
from experiments.families.registry import family_of_model
from experiments.figures import style
from experiments.figures.colours import MUTED, Look, legend, looks
from experiments.tables.table import Table

Series = tuple[list[float], list[float]]
BAND = Patch(color=MUTED, alpha=0.3, linewidth=0, label="lowest to highest seed")


def learning_curves(table: Table) -> Figure:
    """Training loss on the left, metric on the right. A metric with a known best value is drawn as distance from it."""
    made, (left, right) = style.figure(2, 4.6)
    family = family_of_model(table.rows[0].cell.config.model.kind)
    axis, best = family.progress_key, best_value(table.metric)
    draw_rows(left, table, "train_loss", axis)
    draw_rows(right, table, table.metric.key, axis, best)
    left.set_ylabel(f"training loss ({family.loss_unit})")
    right.set_ylabel(table.metric.heading if best is None else f"{best:g} − {table.metric.heading}")
    style.logarithmic(left)
    if best is not None or (not table.metric.higher_is_better and table.metric.low >= 0):
        style.logarithmic(right)
    for panel in (left, right):
        style.progress(panel, axis)
    legend(right, looks_of_rows(table), [BAND])
    style.headline(made, f"{table.preset.title}: mean of {seeds_of(table)} seeds")
    return made


def looks_of_rows(table: Table) -> dict[str, Look]:
    """The looks of all rows that have runs, by title."""
    ran = [row for row in table.rows if row.values or row.diverged]
    reference = next((row.title for row in ran if row.is_reference), "")
    return looks([row.title for row in ran], reference)


def seeds_of(table: Table) -> str:
    """``3``, or ``1 to 2 of 3`` if rows with runs lack some of them."""
    planned = len(table.preset.counted)
    counts = [count for row in table.rows if (count := len(row.values) + len(row.diverged))]
    ends = " to ".join(str(count) for count in sorted({min(counts), max(counts)}))
    return ends if ends == str(planned) else f"{ends} of {planned}"


def best_value(metric: Metric) -> float | None:
    """The best possible value of a metric for which higher is better; None for others, or without a limit."""
    return metric.high if metric.higher_is_better and math.isfinite(metric.high) else None


def draw_rows(panel: Any, table: Table, key: str, axis: str, best: float | None = None) -> bool:
    """Draw one line and band per row; with ``best``, of the distance from it. Returns whether any run has ``key``."""
    drawn, shown = False, looks_of_rows(table)
    for row in table.rows:
        curves = [r["curve"] for r in table.runs if r["run"] == row.cell.run]
        runs = [series(curve, key, axis, best) for curve in curves]
        drawn |= draw(panel, shown.get(row.title), row.title, [run for run in runs if run[0]])
    return drawn


def series(curve: dict[str, list[Any]], key: str, axis: str, best: float | None = None) -> Series:
    """Positions and values at which ``key`` was logged; with ``best``, the distances from it."""
    points = [(e, v) for e, v in zip(curve[axis], curve.get(key, []), strict=False) if v is not None]
    values = [v if best is None else best - v for _, v in points]
    return [e for e, _ in points], values


def draw(panel: Any, look: Look | None, title: str, runs: list[Series]) -> bool:
    """Draw the mean as far as all runs go, because diverged runs are shorter. A grey line has no band."""
    length = min((len(values) for _, values in runs), default=0)
    if length == 0 or look is None:
        return False
    positions = runs[0][0][:length]
    values = numpy.array([values[:length] for _, values in runs])
    panel.plot(positions, values.mean(0), label=title, **look.plot)
    if not look.muted:
        panel.fill_between(positions, values.min(0), values.max(0), color=look.colour, alpha=0.12, linewidth=0)
    return True
