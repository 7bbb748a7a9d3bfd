"""Difference to the reference with its interval, one row per activation, beside the published difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.figures import style
from experiments.figures.colours import MUTED, colour_of
from experiments.tables.row import Row
from experiments.tables.table import Table

MARK = "#444444"  # in the legend, for all colours
PUBLISHED: dict[str, Any] = {"markeredgecolor": MARK, "markerfacecolor": "#FFFFFF", "markersize": 5}


def forest(table: Table) -> Figure:
    """Each row in the colour of its activation, filled if it is significantly better or worse."""
    rows = [row for row in table.rows if row.verdict and row.values]
    made, (panel,) = style.figure(1, 6.4, 1.1 + 0.28 * len(rows))
    preset, unit = table.preset, table.metric.difference_unit
    if preset.margin is not None:
        panel.axvspan(-preset.margin, preset.margin, color=MUTED, alpha=0.2, linewidth=0)
    panel.axvline(0, color=MUTED, linewidth=0.8)
    for place, row in enumerate(rows):
        (low, high), colour = row.interval, colour_of(row.title)
        if not math.isnan(low):
            panel.plot([low, high], [place, place], color=colour)
        fill = colour if row.different else "none"
        panel.plot(row.difference, place, "o", markeredgecolor=colour, markerfacecolor=fill)
        if row.published_difference is not None:
            panel.plot(row.published_difference, place, "D", **PUBLISHED)
    panel.set(yticks=range(len(rows)), yticklabels=[row.title for row in rows], ylim=(len(rows) - 0.5, -0.5))
    panel.locator_params(axis="x", nbins=5)  # more labels would overlap
    better = "right is better" if table.metric.higher_is_better else "left is better"
    panel.set_xlabel(f"difference to {table.reference} ({', '.join(part for part in (unit, better) if part)})")
    style.headline(made, preset.title)
    panel.legend(handles=handles(table, rows), fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def handles(table: Table, rows: Sequence[Row]) -> list[Artist]:
    """A legend entry for every kind of mark in the figure."""
    dot: dict[str, Any] = {"color": MARK, "marker": "o", "linestyle": "none"}
    found: list[Artist] = []
    if any(row.different for row in rows):
        found.append(Line2D([], [], label="significant difference", **dot))
    if any(not row.different for row in rows):
        found.append(Line2D([], [], label="not significant", markerfacecolor="none", **dot))
    if any(not math.isnan(row.interval[0]) for row in rows):
        found.append(Line2D([], [], color=MARK, label="95 % interval, corrected"))
    if any(row.published_difference is not None for row in rows):
        found.append(Line2D([], [], marker="D", linestyle="none", label="published", **PUBLISHED))
    if table.preset.margin is not None:
        label = f"equivalence margin: ±{table.preset.margin:g} {table.metric.difference_unit}".rstrip()
        found.append(Patch(color=MUTED, alpha=0.2, linewidth=0, label=label))
    return found
