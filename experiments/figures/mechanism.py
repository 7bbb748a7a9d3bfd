"""The state of the activations in a preset's runs: during training, and layer by layer at its end."""

from __future__ import annotations

from typing import Any

import numpy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.families.registry import family_of_model
from experiments.figures import style
from experiments.figures.colours import legend
from experiments.figures.curves import BAND, draw, draw_rows, looks_of_rows
from experiments.tables.table import Table

PANELS = {
    "dead_units": "dead units (share)",
    "saturation": "saturation (share of flat places)",
    "activation_mean": "mean of the outputs",
    "activation_variance": "variance of the outputs",
    "activation_gradient": "gradient at the activations",
}
SHARES = ("dead_units", "saturation")


def mechanism(table: Table) -> Figure | None:
    """Upper row: each figure during training, as a mean over layers. Lower row: by layer at the end. None if absent."""
    runs = [record for record in table.runs if "by_layer" in record["result"]]
    if not runs:
        return None
    axis = family_of_model(table.rows[0].cell.config.model.kind).progress_key
    made, panels = style.figure(len(PANELS), 3.0, 2.6, rows=2)
    above, below = panels[: len(PANELS)], panels[len(PANELS) :]
    shown = looks_of_rows(table)
    for upper, lower, key in zip(above, below, PANELS, strict=True):
        draw_rows(upper, table, key, axis)
        for row in table.rows:
            profiles = [r["result"]["by_layer"][key] for r in runs if r["run"] == row.cell.run]
            draw(lower, shown.get(row.title), row.title, [profile(values) for values in profiles])
        upper.set_title(PANELS[key])
        style.progress(upper, axis)
        lower.set(xlabel="layer, at the end")
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))
        for panel in (upper, lower):
            if key == "activation_gradient":
                style.logarithmic(panel)
            elif key in SHARES:
                top = panel.get_ylim()[1] if panel.dataLim.ymax > 0 else 1.0
                panel.set_ylim(-0.03 * top, top)  # a line at 0 would lie under the axis
    legend(above[-1], shown, [BAND])
    style.headline(made, f"{table.preset.title}: mean over seeds; above mean over layers")
    return made


def profile(values: list[Any]) -> tuple[list[float], list[float]]:
    """Depth from 1 and the figure at this depth. A value that is not finite (None) is drawn as a gap."""
    return list(range(1, len(values) + 1)), numpy.array(values, dtype=float).tolist()
