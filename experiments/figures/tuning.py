"""Tuning curves: each activation's held-out result at every value tried, and the value chosen."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.figures import style
from experiments.figures.colours import MUTED, legend, looks
from experiments.figures.curves import best_value
from experiments.stats.tuning import Point, mean_of
from experiments.studies.naming import activation_title
from experiments.studies.presets import context
from experiments.studies.tuned import TuningState
from experiments.tables.row import Row
from experiments.tables.staged import tuning_of
from experiments.tables.table import Table

COLUMNS = 4
CHOSEN = Line2D([], [], color=MUTED, marker="o", markersize=5, linestyle="none", label="chosen value")


def tuning_curves(table: Table) -> Figure | None:
    """A panel for each setting, a line for each activation, over the first tuned key. A large dot is the choice.

    A metric with a known best value is drawn as distance from it. Further keys have their chosen value. A value at
    which a run diverged is a gap. None without a finished tuning.
    """
    tuning = tuning_of(table)
    if tuning is None:
        return None
    panels: dict[str, list[Row]] = {}
    for row in table.rows:
        panels.setdefault(", ".join(context(row.cell.overrides)), []).append(row)
    columns = min(len(panels), COLUMNS)
    made, axes = style.figure(columns, 4.2 if columns == 1 else 3.0, 3.2, rows=math.ceil(len(panels) / columns))
    key, best = next(iter(tuning.grid)), best_value(tuning.metric)
    titles = {activation_title(row.cell.config.activation): row for rows in panels.values() for row in rows}
    shown = looks(list(titles), next((title for title, row in titles.items() if row.is_reference), ""))
    for panel, (setting, rows) in zip(axes, panels.items(), strict=False):
        for row in rows:
            title = activation_title(row.cell.config.activation)
            look = shown[title]
            values, means = curve(tuning, row.cell.overrides)
            chosen = tuning.choices[row.cell.overrides]
            if best is not None:
                means = [best - mean for mean in means]
            panel.plot(values, means, label=title, **look.plot)
            panel.plot(chosen.point[0], means[values.index(chosen.point[0])], "o", color=look.colour, markersize=5)
        panel.set(xscale="log" if min(tuning.grid[key]) > 0 else "linear", xlabel=key.rpartition(".")[2])
        panel.set_title(setting, fontsize=9)
        if best is not None or (not tuning.metric.higher_is_better and tuning.metric.low >= 0):
            style.logarithmic(panel)
    for panel in axes[len(panels) :]:
        panel.set_visible(False)
    axes[0].set_ylabel(tuning.metric.heading if best is None else f"{best:g} − {tuning.metric.heading}")
    legend(axes[columns - 1], shown, [CHOSEN])
    seeds = table.preset.tune.seeds
    style.headline(made, f"{table.preset.title}: mean of {seeds} tuning seed{'s' * (seeds > 1)}")
    return made


def curve(tuning: TuningState, name: str) -> tuple[list[float], list[float]]:
    """Values of the first key and the means at them; nan if a run diverged."""
    chosen, scores = tuning.choices[name].point, tuning.scores[name]
    values = sorted(next(iter(tuning.grid.values())))
    points: list[Point] = [(value, *chosen[1:]) for value in values]
    return values, [mean_of(scores[point])[0] for point in points]
