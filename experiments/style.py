"""One look for all figures: colours told apart by colour-blind readers (Okabe and Ito 2008), no dates inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
LINES = ["-", "--", "-.", ":"]
SETTINGS: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "figure.dpi": 100,
    "savefig.dpi": 150,
}


def look(index: int) -> tuple[str, str]:
    """Colour and line style of the ``index``-th curve; no two of the first 28 are alike."""
    return COLOURS[index % len(COLOURS)], LINES[index // len(COLOURS) % len(LINES)]


def figure(columns: int, width: float = 4.2, height: float = 3.2) -> tuple[Figure, list[plt.Axes]]:
    plt.rcParams.update(SETTINGS)
    made, axes = plt.subplots(1, columns, figsize=(width * columns, height), layout="constrained", squeeze=False)
    return made, list(axes[0])


def save(made: Figure, stem: Path) -> list[Path]:
    """``stem``.png and ``stem``.pdf, the same bytes for the same figure and matplotlib."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = [stem.with_suffix(".png"), stem.with_suffix(".pdf")]
    made.savefig(paths[0], metadata={"Software": None})
    made.savefig(paths[1], metadata={"CreationDate": None, "Creator": None, "Producer": None})
    plt.close(made)
    return paths
