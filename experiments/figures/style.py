"""The common style of all figures, and files without dates."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy
import PIL.Image
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import EngFormatter, LogLocator

FRAME = "#FFB000"  # of a significant field: visible on dark and on light colours
SHADES = 256  # colours in a PNG; the file is a third as large as in full colour
LETTERS = 11.5  # letters of a headline per inch
SETTINGS: Any = {
    "font.size": 9,
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # fonts of the same width
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "pdf.fonttype": 42,  # TrueType: publishers accept it and editors can change it; the default is Type 3
    "svg.fonttype": "none",  # text that can be selected and searched, at a third of the size
}


def figure(columns: int, width: float = 4.2, height: float = 3.2, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, row after row. It is not pyplot's, which would keep every figure until it is closed."""
    matplotlib.rcParams.update(SETTINGS)
    made = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return made, list(made.subplots(rows, columns, squeeze=False).flat)


def headline(made: Figure, text: str) -> None:
    """Write ``text`` above all panels, in as many lines as the width of the figure needs."""
    letters = int(LETTERS * made.get_size_inches()[0])
    made.suptitle("\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, letters)), fontsize=9)


def logarithmic(panel: Axes) -> None:
    """A logarithmic y-axis with plain numbers; labels at 1, 2 and 5 only if more would be crowded."""
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    if high >= 3 * low:
        panel.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    for set_formatter in (panel.yaxis.set_major_formatter, panel.yaxis.set_minor_formatter):
        set_formatter("{x:g}")


def progress(panel: Axes, axis: str) -> None:
    """Label the x-axis of a curve over training. Tokens are counted in thousands (k) and millions (M)."""
    panel.set_xlabel(axis)
    if axis == "tokens":
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.locator_params(axis="x", nbins=4)


def value_map(
    panel: Axes, values: numpy.ndarray, texts: Mapping[tuple[int, int], str], top: float, colours: str
) -> Any:
    """``values`` as colours from -``top`` to ``top``, none for nan, with ``texts`` that are legible on every colour."""
    image = panel.imshow(values, cmap=colours, vmin=-top, vmax=top, aspect="auto")
    for (i, j), text in texts.items():
        strength = abs(values[i, j]) / top
        shade = "#000000" if numpy.isnan(strength) else "#ffffff" if strength > 0.6 else "#222222"
        panel.text(j, i, text, ha="center", va="center", fontsize=6.5, color=shade)
    panel.grid(False)
    return image


def frame(panel: Axes, i: int, j: int) -> None:
    """Mark the field in row ``i`` and column ``j`` of a map as significant."""
    panel.add_patch(Rectangle((j - 0.47, i - 0.43), 0.94, 0.86, fill=False, color=FRAME, linewidth=2))


def save(made: Figure, stem: Path) -> list[Path]:
    """``stem`` with .png, .pdf and .svg. The bytes depend only on the figure and on matplotlib's version."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = [stem.with_suffix(suffix) for suffix in (".png", ".pdf", ".svg")]
    layout = made.get_layout_engine()
    if layout:  # once for all three files, because it takes as long as the drawing
        made.set_dpi(SETTINGS["savefig.dpi"])  # letters are a little narrower at other resolutions
        layout.execute(made)
        made.set_layout_engine("none")
    made.savefig(drawn := io.BytesIO(), format="png")
    picture = PIL.Image.open(drawn).convert("RGB").quantize(SHADES, dither=PIL.Image.Dither.NONE)
    picture.save(paths[0], optimize=True, dpi=(SETTINGS["savefig.dpi"],) * 2)
    made.savefig(paths[1], metadata={"CreationDate": None, "Creator": None, "Producer": None})
    with matplotlib.rc_context({"svg.hashsalt": stem.name}):
        made.savefig(paths[2], transparent=True, metadata={"Date": None, "Creator": None})
    return paths
