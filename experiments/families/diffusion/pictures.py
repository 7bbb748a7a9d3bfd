"""Sample grids for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from experiments.config.schema import Config
from experiments.families.diffusion.data.load import load_pictures
from experiments.families.diffusion.task import DiffusionTask
from experiments.processes import Processes

SIDE = 8  # of the grid, in pictures


def draw_samples(config: Config, state: Mapping[str, Any], out: Path) -> list[Path]:
    """``samples.png``: samples on the left, real evaluation pictures on the right."""
    data = load_pictures(config.dataset, config.data_dir, config.cache_dir)
    task = DiffusionTask(config, data, torch.device("cpu"), Processes())
    task.model.load_state_dict(state)
    grids = {
        f"{SIDE * SIDE} samples (DDIM, {task.recipe.sample_steps} steps)": task.sample(SIDE * SIDE),
        f"{data.evaluated} pictures": data.test_x[: SIDE * SIDE],
    }
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    for panel, (title, pictures) in zip(figure.subplots(1, 2), grids.items(), strict=True):
        panel.imshow(tiled(pictures, SIDE).numpy(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        panel.set_title(title, fontsize=9)
        panel.set_axis_off()
    path = out / "samples.png"
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return [path]


def tiled(pictures: Tensor, columns: int) -> Tensor:
    """[n, C, H, W] as one picture [rows·(H + 1), columns·(W + 1), C], without the last axis if C is 1."""
    count, channels, height, width = pictures.shape
    rows = -(-count // columns)
    sheet = torch.full((rows * columns, channels, height + 1, width + 1), 255, dtype=torch.uint8)
    sheet[:count, :, :height, :width] = pictures
    sheet = sheet.view(rows, columns, channels, height + 1, width + 1).permute(0, 3, 1, 4, 2)
    whole = sheet.reshape(rows * (height + 1), columns * (width + 1), channels)
    return whole[:, :, 0] if channels == 1 else whole
