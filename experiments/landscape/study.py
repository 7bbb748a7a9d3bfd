"""The landscapes of an experiment's runs, measured once and kept in ``results/landscape/<experiment>.json``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from experiments.activations.build import activation_factory
from experiments.families.task import Surroundings, Task
from experiments.files import read_json, write_json
from experiments.landscape import trained
from experiments.landscape.distributions import histograms, output_variance, weights
from experiments.landscape.sharpness import sharpness
from experiments.landscape.surface import surface
from experiments.randomness import generator
from experiments.studies.cells import Cell
from experiments.studies.naming import cell_title

FORMAT = 1
IMAGES = 4  # in GoLU's figure of output variances
Study = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The quantities to measure and their resolution. Measurements with other settings are repeated."""

    parts: tuple[str, ...]
    examples: int  # training images behind the Hessian
    vectors: int  # of Hutchinson's estimate
    points: int  # on each side of the surface
    span: float  # of the surface, in norms of its directions
    directions: str = "filter"  # or "global"


def path_of(results: Path, experiment: str) -> Path:
    return results / "landscape" / f"{experiment}.json"


def read_studies(results: Path) -> list[Study]:
    """Every study, in the order of their experiments' names."""
    return [read_json(path) for path in sorted((results / "landscape").glob("*.json"))]


def read_study(results: Path, experiment: str) -> Study | None:
    path = path_of(results, experiment)
    return read_json(path) if path.exists() else None


def measure_study(
    experiment: str, cells: Sequence[Cell], seeds: Sequence[int], settings: Settings, results: Path
) -> Study:
    """Update the file with the finished runs of these cells and seeds. It is written after every run."""
    path = path_of(results, experiment)
    path.parent.mkdir(parents=True, exist_ok=True)
    study = read_study(results, experiment) or {"format": FORMAT, "experiment": experiment, "runs": []}
    known = {(run["run"], run["seed"]): run for run in study["runs"]}
    vectors: dict[str, list[torch.Tensor]] = {}
    task = None
    for cell, seed, directory in finished_runs(cells, seeds):
        title = cell_title(cell.config.activation, cell.overrides)
        task = trained.load_trained(dataclasses.replace(cell.config, seed=seed), directory)
        run = known.setdefault(
            (cell.run, seed), {"run": cell.run, "seed": seed, "title": title, "cell": cell.overrides}
        )
        run["commit"] = read_json(directory / "meta.json")["parts"][-1]["commit"]
        if "sharpness" in settings.parts:
            add_sharpness(run, task, settings)
        if "surface" in settings.parts:
            add_surface(run, task, settings)
        vectors.setdefault(title, []).append(weights(task.model))
        study["runs"] = list(known.values())
        write_json(path, study)
    if vectors and "weights" in settings.parts:
        pooled = [torch.cat(found) for found in vectors.values()]
        edges, densities = histograms(pooled)
        study["weights"] = {
            "low": edges[0],
            "high": edges[-1],
            "seeds": {title: len(found) for title, found in vectors.items()},
            "density": {t: [digits(v) for v in d] for t, d in zip(vectors, densities, strict=True)},
        }
    if task is not None and "variance" in settings.parts:
        study["output_variance"] = variances(task.surroundings(1), cells)
    write_json(path, study)
    return study


def finished_runs(cells: Sequence[Cell], seeds: Sequence[int]) -> Iterator[tuple[Cell, int, Path]]:
    for cell in cells:
        for seed in seeds:
            directory = trained.finished_directory(dataclasses.replace(cell.config, seed=seed))
            if directory:
                yield cell, seed, directory


def add_sharpness(run: dict[str, Any], task: Task[Any], settings: Settings) -> None:
    around = task.surroundings(settings.examples)
    wanted = {"examples": sum(len(targets) for _, targets in around.batches), "vectors": settings.vectors}
    if wanted.items() <= run.get("sharpness", {}).items():
        return
    found = sharpness(task.model, around.loss, around.batches, settings.vectors)
    run["sharpness"] = wanted | {key: digits(value) for key, value in dataclasses.asdict(found).items()}


def add_surface(run: dict[str, Any], task: Task[Any], settings: Settings) -> None:
    """Add the mean test loss over the whole test set in one fixed order, with equal weights."""
    wanted = {"points": settings.points, "span": settings.span, "directions": settings.directions}
    if wanted.items() <= run.get("surface", {}).items():
        return
    key = task.surroundings(1).loss_key
    rows = surface(task.model, lambda: task.evaluate()[key], settings.points, settings.span, settings.directions)
    shown = tqdm(rows, f"{run['title']}, seed {run['seed']}", settings.points, unit="row", leave=False, disable=None)
    run["surface"] = wanted | {"loss": [[digits(value) for value in row] for row in shown]}


def variances(around: Surroundings, cells: Sequence[Cell]) -> dict[str, list[float | None]]:
    """The output variances of every activation of the cells, on the same training images."""
    chosen = torch.randperm(len(around.pictures), generator=generator(0, "output variance images"))[:IMAGES]
    images = around.pictures[chosen]
    titles = {cell_title(cell.config.activation, ""): cell.config.activation for cell in cells}
    return {
        title: [digits(value) for value in output_variance(activation_factory(activation)(), images)]
        for title, activation in titles.items()
    }


def digits(value: float) -> float | None:
    """``value`` with five digits; None if it overflowed, as it may far from the minimum."""
    return float(f"{value:.5g}") if math.isfinite(value) else None
