"""Figures of an experiment's networks: sharpness, weights, output variance, and the loss around each network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy
from matplotlib.figure import Figure

from experiments.figures import style
from experiments.figures.colours import MUTED, colour_of, legend, looks

COLUMNS = 4
DOTS = "A dot is a run, a bar the mean of its activation"
SURFACES = "Test loss (nats) along two random directions, in units of {}; 0, 0 is the trained network"
UNITS = {"filter": "each filter's norm", "global": "the norm of a vector of all weights"}


def landscape_figures(study: dict[str, Any]) -> Iterator[tuple[str, Figure]]:
    """Name and figure of the measurements (``experiments/landscape/study.py``)."""
    name = study["experiment"]
    made = overview(study)
    if made:
        yield f"{name}_landscape", made
    if any("surface" in run for run in study["runs"]):
        yield f"{name}_surface", surfaces(study)


def overview(study: dict[str, Any]) -> Figure | None:
    kinds: dict[str, tuple[Callable[[Any, Any], None], Any]] = {
        "largest eigenvalue": (bars, sharp(study, "top")),
        "trace of the Hessian": (bars, sharp(study, "trace")),
        "weights (density)": (densities, study.get("weights")),
        "variance of outputs": (bars, study.get("output_variance")),
    }
    measured = {title: kind for title, kind in kinds.items() if kind[1]}
    if not measured:
        return None
    made, panels = style.figure(len(measured), 3.6, 3.0)
    for panel, (title, (drawer, values)) in zip(panels, measured.items(), strict=True):
        drawer(panel, values)
        panel.set_title(title)
    style.headline(made, DOTS)
    return made


def sharp(study: dict[str, Any], key: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for run in study["runs"]:
        if "sharpness" in run:
            found.setdefault(run["title"], []).append(run["sharpness"][key])
    return found


def bars(panel: Any, values: dict[str, list[float]]) -> None:
    """A dot for each value and a bar for their mean; one row per title, from the top."""
    for place, (title, found) in enumerate(reversed(values.items())):
        panel.plot(found, [place] * len(found), "o", color=colour_of(title), markersize=4)
        panel.plot([numpy.mean(found)] * 2, [place - 0.3, place + 0.3], "-", color=MUTED)
    panel.set_yticks(range(len(values)), list(reversed(values)))
    panel.set_xlim(left=min(0, *(v for found in values.values() for v in found)))


def densities(panel: Any, weights: dict[str, Any]) -> None:
    shown = looks(list(weights["density"]))
    for title, density in weights["density"].items():
        edges = numpy.linspace(weights["low"], weights["high"], len(density) + 1)
        panel.plot((edges[1:] + edges[:-1]) / 2, density, label=title, **shown[title].plot)
    panel.set(yscale="log", xlabel="weight")
    legend(panel, shown, loc="lower center")


def surfaces(study: dict[str, Any]) -> Figure:
    """The test loss (nats) around each row's first network, with one scale for all panels.

    Directions scaled to each filter: contours of the loss. Directions of norm 1: the difference to the panel's
    mean, because the loss varies less within a panel than between networks. The mean of its square is the variance
    on the page of comparisons.
    """
    first: dict[str, Any] = {}
    for run in study["runs"]:
        if "surface" in run:
            first.setdefault(run["title"], run)
    runs = list(first.values())
    grids = [numpy.array(run["surface"]["loss"], dtype=float) for run in runs]
    columns = min(COLUMNS, len(runs))
    made, places = style.figure(columns, 2.6, 2.7, rows=math.ceil(len(runs) / columns))
    panels = places[: len(runs)]
    for panel, run in zip(panels, runs, strict=True):
        panel.set(title=f"{run['title']}, seed {run['seed']}", aspect="equal")
        panel.title.set_fontsize(6)
        panel.set(xlabel="first direction", ylabel="second direction")
    for panel in places[len(runs) :]:
        panel.set_visible(False)
    directions = runs[0]["surface"]["directions"]
    if directions == "global":
        differences(made, panels, runs, grids)
    else:
        contours(panels, runs, grids)
    style.headline(made, SURFACES.format(UNITS[directions]))
    return made


def contours(panels: Any, runs: list[dict[str, Any]], grids: list[Any]) -> None:
    low, high = (function([function(grid) for grid in grids]) for function in (numpy.nanmin, numpy.nanmax))
    levels = numpy.geomspace(max(low, 1e-6), high, 15)
    for panel, run, grid in zip(panels, runs, grids, strict=True):
        axis = numpy.linspace(-run["surface"]["span"], run["surface"]["span"], run["surface"]["points"])
        drawn = panel.contour(axis, axis, grid, levels=levels, cmap="cividis", linewidths=0.8)
        panel.clabel(drawn, fontsize=5, fmt="%.2g")


def differences(made: Figure, panels: Any, runs: list[dict[str, Any]], grids: list[Any]) -> None:
    around = [grid - numpy.nanmean(grid) for grid in grids]
    top = max(numpy.nanmax(numpy.abs(grid)) for grid in around)
    for panel, run, grid in zip(panels, runs, around, strict=True):
        edge = run["surface"]["span"] * (1 + 1 / (run["surface"]["points"] - 1))  # a field has its place in the middle
        sides = (-edge, edge, -edge, edge)
        image = panel.imshow(grid, origin="lower", extent=sides, cmap="PuOr", vmin=-top, vmax=top)
        panel.grid(False)
    made.colorbar(image, ax=panels, label="test loss less the panel's mean (nats)", pad=0.03, aspect=40)
