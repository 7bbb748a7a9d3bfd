"""What the mechanism metrics of a preset's runs show, over the course of training."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.figures import style
from experiments.figures.curves import axis_of, draw_rows
from experiments.tables import Table

PANELS = {
    "dead_units": "dead units (share)",
    "saturation": "saturation (share of gates off or open)",
    "activation_mean": "mean activation",
    "activation_variance": "variance of the activation",
}


def mechanism(table: Table) -> Figure | None:
    """One panel a metric, averaged over the layers; None where no run has logged them."""
    logged = [key for key in PANELS if any(key in record["curve"] for record in table.runs)]
    if not logged:
        return None
    axis = axis_of(table.runs)
    made, panels = style.figure(len(logged), 3.4, 2.8)
    for panel, key in zip(panels, logged, strict=True):
        draw_rows(panel, table, key, axis)
        panel.set(xlabel=axis, title=PANELS[key])
    panels[-1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    made.suptitle(table.preset.title, fontsize=9)
    return made
