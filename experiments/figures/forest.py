"""Difference to the reference with its interval, one row an activation, beside the published difference."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from experiments.figures import style
from experiments.tables.table import Table


def forest(table: Table) -> Figure:
    """Filled where the row is shown to be better or worse; a diamond is published."""
    rows = [row for row in table.rows if row.verdict and row.values]
    made, (panel,) = style.figure(1, 6.4, 1.1 + 0.28 * len(rows))
    preset, unit = table.preset, table.metric.difference_unit
    if preset.margin is not None:
        label = f"counts as equivalent: ±{preset.margin:g} {unit}".rstrip()
        panel.axvspan(-preset.margin, preset.margin, color="#56B4E9", alpha=0.15, linewidth=0, label=label)
    panel.axvline(0, color="#777777", linewidth=0.8)
    for place, row in enumerate(rows):
        (low, high), colour = row.interval, style.COLOURS[1]
        if not math.isnan(low):
            panel.plot([low, high], [place, place], color=colour)
        fill = colour if row.different else "none"
        label = "this suite, 95 %, corrected" * (not place)
        panel.plot(row.difference, place, "o", markeredgecolor=colour, markerfacecolor=fill, label=label)
        if row.published_difference is not None:
            known = any(other.published_difference is not None for other in rows[:place])
            name = None if known else "published"
            panel.plot(row.published_difference, place, "D", color=style.COLOURS[2], label=name)
    panel.set(yticks=range(len(rows)), yticklabels=[row.title for row in rows], ylim=(len(rows) - 0.5, -0.5))
    panel.locator_params(axis="x", nbins=5)  # more would run into each other
    better = "right is better" if table.metric.higher_is_better else "left is better"
    panel.set_xlabel(f"difference to {table.reference} ({', '.join(part for part in (unit, better) if part)})")
    made.suptitle(preset.title, fontsize=9)
    panel.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made
