"""The page of an experiment's landscapes: sharpness and loss surfaces beside those of the reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy

from experiments.markdown import pipe_table
from experiments.stats.difference import summarise, welch
from experiments.stats.holm import holm
from experiments.stats.power import ALPHA
from experiments.studies.presets import Preset, compared_pairs

Run = Mapping[str, Any]
Column = dict[str, list[float]]  # by cell: log10 of the quantity, run by run
DIRECTIONS = {
    "filter": "random and scaled to the norm of each filter (Li et al. 2018)",
    "global": "random and of norm 1 over all weights, the same for every network (as GoLU's code does)",
}


def largest_eigenvalue(run: Run) -> float | None:
    return run["sharpness"]["top"] if "sharpness" in run else None


def trace(run: Run) -> float | None:
    return run["sharpness"]["trace"] if "sharpness" in run else None


def surface_variance(run: Run) -> float | None:
    """The variance of the losses over the surface; None also if one overflowed."""
    losses = numpy.array(run["surface"]["loss"], dtype=float) if "surface" in run else numpy.array([math.nan])
    return None if numpy.isnan(losses).any() else float(losses.var())


def plane_share(run: Run) -> float | None:
    """The share of the surface's variance that a plane explains (least squares); None if that variance is 0 or unknown.

    Where the share is near 1, the variance measures a slope along the two directions, and no roughness.
    """
    variance = surface_variance(run)
    if not variance:
        return None
    losses = numpy.array(run["surface"]["loss"], dtype=float)
    places = numpy.linspace(-1, 1, len(losses))
    across, along = numpy.meshgrid(places, places)
    terms = numpy.stack([numpy.ones(losses.size), across.ravel(), along.ravel()], axis=1)
    plane = terms @ numpy.linalg.lstsq(terms, losses.ravel(), rcond=None)[0]
    return float(1 - (losses.ravel() - plane).var() / variance)


QUANTITIES: dict[str, Callable[[Run], float | None]] = {
    "largest eigenvalue": largest_eigenvalue,
    "trace of the Hessian": trace,
    "variance of the loss surface": surface_variance,
}


def landscape_markdown(study: Mapping[str, Any], preset: Preset) -> str | None:
    """One line per cell: geometric means over its runs, and their ratios to the reference.

    None if only weights and output variances were measured, which a figure shows.
    """
    measured = [run for run in study["runs"] if "sharpness" in run or "surface" in run]
    if not measured:
        return None
    titles = {run["cell"]: run["title"] for run in measured}
    runs = {cell: [run for run in measured if run["cell"] == cell] for cell in titles}
    shown: dict[str, list[str]] = {cell: [titles[cell], str(len(runs[cell]))] for cell in titles}
    heads = ["activation", "runs"]
    for name, quantity in QUANTITIES.items():
        column = {cell: logs_of(runs[cell], quantity) for cell in titles}
        if any(column.values()):
            heads += [name, "ratio"]
            ratios = ratio_texts(column, compared_pairs(preset))
            for cell in titles:
                mean = summarise(column[cell]).mean
                shown[cell] += ["—" if math.isnan(mean) else f"{10**mean:.3g}", ratios.get(cell, "")]
    bullets = "".join(f"- {note}\n" for note in notes(study, preset))
    return "\n\n".join([f"# Landscapes: {preset.title}", pipe_table(shown.values(), heads), bullets])


def logs_of(runs: list[Run], quantity: Callable[[Run], float | None]) -> list[float]:
    found = [quantity(run) for run in runs]
    return [math.log10(value) for value in found if value is not None and value > 0]


def ratio_texts(column: Column, pairs: Mapping[str, str]) -> dict[str, str]:
    """By cell: the ratio of geometric means to the reference with its interval; bold if Holm's method rejects."""
    measured = [(cell, other) for cell, other in pairs.items() if column.get(cell) and column.get(other)]
    found = [welch(column[cell], column[other]) for cell, other in measured]
    texts = {}
    for (cell, _), ratio, p in zip(measured, found, holm([each.p for each in found]), strict=True):
        interval = "" if math.isnan(ratio.low) else f" [{10**ratio.low:.2f}, {10**ratio.high:.2f}]"
        text = f"{10**ratio.value:.2f}{interval}"
        texts[cell] = f"**{text}**" if p < ALPHA else text
    return texts


def notes(study: Mapping[str, Any], preset: Preset) -> list[str]:
    runs = study["runs"]
    sharp = next((run["sharpness"] for run in runs if "sharpness" in run), None)
    surface = next((run["surface"] for run in runs if "surface" in run), None)
    pairs = compared_pairs(preset)
    references = dict.fromkeys(run["title"] for run in runs if run["cell"] not in pairs)
    lines = [
        f"Geometric means over the runs. Ratio: to {' or '.join(references)}, with its 95 % interval (Welch's test of "
        "the logarithms). Bold: significant after Holm's correction over the column."
    ]
    if sharp:
        lines.append(
            f"Largest eigenvalue and trace of the Hessian of the training loss (nats) on {sharp['examples']} examples, "
            f"evaluation mode. The trace is Hutchinson's estimate with {sharp['vectors']} vectors. The Hessian leaves "
            "out the kinks of a piecewise linear activation."
        )
    if surface:
        lines.append(
            f"Loss surface: the test loss at {surface['points']} × {surface['points']} places within "
            f"{surface['span']:g} of the weights along two directions, {DIRECTIONS[surface['directions']]}. Every loss "
            "is the mean over the whole test set in one order."
        )
    if planes := [share for run in runs if (share := plane_share(run)) is not None]:
        lines.append(
            f"A plane explains {100 * numpy.median(planes):.1f} % of the variance of a surface (median over runs; "
            f"least {100 * min(planes):.1f} %). That part of the variance is a slope, not roughness."
        )
    return lines
