"""New pictures from a trained network, by DDIM (Song et al. 2020, arXiv 2010.02502)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from experiments.families.diffusion.schema import DiffusionRecipe
from experiments.randomness import generator

BATCH = 100


def scheduler_settings(recipe: DiffusionRecipe) -> dict[str, Any]:
    """The arguments of diffusers' schedulers. Their own defaults are Ho et al.'s: beta from 1e-4 to 0.02."""
    return {"num_train_timesteps": recipe.time_steps, "beta_schedule": recipe.noise_schedule}


@torch.no_grad()
def sample_pictures(
    model: Any, recipe: DiffusionRecipe, shape: tuple[int, int, int], count: int, device: torch.device
) -> Tensor:
    """``count`` pictures uint8 [count, C, H, W] on the CPU.

    The initial noise depends only on the number of the batch, so every activation and seed starts from the same noise.
    DDIM itself draws nothing (η = 0).
    """
    from diffusers import DDIMScheduler

    model.eval()
    batches = []
    for first in range(0, count, BATCH):
        size = min(BATCH, count - first)
        scheduler: Any = DDIMScheduler(**scheduler_settings(recipe))
        scheduler.set_timesteps(min(recipe.sample_steps, recipe.time_steps))
        x = torch.randn(size, *shape, generator=generator(0, "samples", first)).to(device)
        for step in scheduler.timesteps:
            x = scheduler.step(model(x, step.to(device)).sample.float(), step, x).prev_sample
        batches.append(to_bytes(x).cpu())
    model.train()
    return torch.cat(batches)


def to_unit(pictures: Tensor) -> Tensor:
    """Bytes as numbers in [-1, 1]."""
    return pictures.float() / 127.5 - 1


def to_bytes(x: Tensor) -> Tensor:
    return ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
