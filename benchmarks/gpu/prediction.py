"""Predicts the time of a run on an examined device: its FLOPs at the rate of the nearest network measured there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.generated import generated_task
from experiments.config.schema import Config
from experiments.errors import UserError, must_be
from experiments.families.images.schema import ImageDataset, ImageRecipe
from experiments.families.text.schema import TextRecipe
from experiments.files import read_json
from experiments.runs.schedule import Schedule
from experiments.studies.cost import Estimate

META = torch.device("meta")
UNITS = {ImageRecipe: "images", TextRecipe: "tokens"}
TRAINING_IMAGES = {"cifar": 50_000}  # data sets with the shape of the generated images


class Prediction:
    """Estimates from ``<results_dir>/gpu/<device>.json``. Raises UserError if the file does not exist."""

    def __init__(self, device: str, results_dir: Path) -> None:
        path = results_dir / "gpu" / f"{device}.json"
        if not path.exists():
            known = sorted(found.stem for found in path.parent.glob("*.json"))
            allowed = ", ".join(known) or "examined first: python scripts/gpu.py"
            raise UserError(must_be("device", device, f"one of {allowed}" if known else allowed))
        parts = read_json(path)["parts"]
        self.rows: list[Mapping[str, Any]] = parts["throughput"]["rows"]
        named = [row["value"] for row in parts["machine"]["rows"] if row["what"] == "device"]
        self.device = named[0] if named else device

    def __call__(self, config: Config) -> Estimate | None:
        """The time of one run without its evaluations; None if the FLOPs of its family or data are not counted."""
        unit, steps = UNITS.get(type(config.recipe)), steps_of(config)
        fast = config.impl.compile
        rows = [row for row in self.rows if row["unit"] == unit and row["impl"].startswith("fast") == fast]
        if not rows or steps is None:
            return None
        flops = step_flops(config)
        nearest = min(rows, key=lambda row: abs(math.log(row["flops"] / flops)))
        return Estimate(steps * nearest["seconds"] * flops / nearest["flops"], self.device, 0)


def steps_of(config: Config) -> int | None:
    """Optimiser steps of a run; None if they depend on data that are not available."""
    recipe = config.recipe
    if recipe.max_steps or recipe.steps:
        return recipe.max_steps or recipe.steps
    data = config.dataset
    if not isinstance(recipe, ImageRecipe) or not isinstance(data, ImageDataset) or data.source not in TRAINING_IMAGES:
        return None
    images = data.train_size or TRAINING_IMAGES[data.source] - data.holdout
    return Schedule(recipe, images // recipe.batch_size).total


def step_flops(config: Config) -> float:
    """FLOPs of matrix products and convolutions, forward and backward, counted from shapes only."""
    task = generated_task(config, META)
    part, weight = next(task.parts(task.batch(0)))
    with FlopCounterMode(display=False) as counter:
        task.loss(part).backward()
    return float(counter.get_total_flops() / weight)
