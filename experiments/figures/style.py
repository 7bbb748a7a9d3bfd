"""One look for all figures: colours told apart by colour-blind readers (Okabe and Ito 2008), no dates inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator

COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
LINES = ["-", "--", "-.", ":"]
SETTINGS: Any = {
    "font.size": 9,
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # of the same width
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "svg.fonttype": "none",  # text that can be selected and searched, at a third of the size
}


def look(index: int) -> tuple[str, str]:
    """Colour and line style of the ``index``-th curve; no two of the first 28 are alike."""
    return COLOURS[index % len(COLOURS)], LINES[index // len(COLOURS) % len(LINES)]


def figure(columns: int, width: float = 4.2, height: float = 3.2, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, row after row. It is not pyplot's, which would keep it until it is closed."""
    matplotlib.rcParams.update(SETTINGS)
    made = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return made, list(made.subplots(rows, columns, squeeze=False).flat)


def logarithmic(panel: Axes) -> None:
    """A logarithmic y-axis with plain numbers on it, at 1, 2 and 5 only where more would be crowded."""
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    if high >= 3 * low:
        panel.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    for set_formatter in (panel.yaxis.set_major_formatter, panel.yaxis.set_minor_formatter):
        set_formatter("{x:g}")


def progress(panel: Axes, axis: str) -> None:
    """The x-axis of a curve over training: tokens are counted in thousands (k) and millions (M)."""
    panel.set_xlabel(axis)
    if axis == "tokens":
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.locator_params(axis="x", nbins=4)


def value_map(
    panel: Axes, values: numpy.ndarray, texts: Mapping[tuple[int, int], str], top: float, colours: str
) -> Any:
    """``values`` as colours from -``top`` to ``top``, none for nan, with ``texts`` that can be read on any of them."""
    image = panel.imshow(values, cmap=colours, vmin=-top, vmax=top, aspect="auto")
    for (i, j), text in texts.items():
        strength = abs(values[i, j]) / top
        shade = COLOURS[0] if numpy.isnan(strength) else "#ffffff" if strength > 0.6 else "#222222"
        panel.text(j, i, text, ha="center", va="center", fontsize=6.5, color=shade)
    panel.grid(False)
    return image


def save(made: Figure, stem: Path) -> list[Path]:
    """``stem`` with .png, .pdf and .svg, the same bytes for the same figure and matplotlib."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = [stem.with_suffix(suffix) for suffix in (".png", ".pdf", ".svg")]
    layout = made.get_layout_engine()
    if layout:  # once for all three, since it takes as long as the drawing
        layout.execute(made)
        made.set_layout_engine("none")
    made.savefig(paths[0], metadata={"Software": f"matplotlib {matplotlib.__version__}"})
    made.savefig(paths[1], metadata={"CreationDate": None, "Creator": None, "Producer": None})
    with matplotlib.rc_context({"svg.hashsalt": stem.name}):
        made.savefig(paths[2], transparent=True, metadata={"Date": None, "Creator": None})
    return paths
