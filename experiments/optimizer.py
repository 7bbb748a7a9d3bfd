"""The optimiser of a recipe and its learning rate as a pure function of the step."""

from __future__ import annotations

import bisect
import math

import torch
from torch import nn

from experiments.config.schema import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe, fused: bool) -> torch.optim.Optimizer:
    """SGD or AdamW over all parameters; with ``decay_all=false`` weight decay spares tensors of fewer than two axes."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    spared = [] if recipe.decay_all else [p for p in parameters if p.ndim < 2]
    spared_ids = {id(p) for p in spared}
    groups = [
        {"params": [p for p in parameters if id(p) not in spared_ids], "weight_decay": recipe.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=fused)
    return torch.optim.AdamW(groups, recipe.lr, betas=(recipe.betas[0], recipe.betas[1]), fused=fused)


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int, total_steps: int) -> float:
    """Learning rate of optimiser step ``step`` (from 0): linear warm-up, then constant, steps or a half cosine to 0."""
    warmup = round(recipe.warmup_epochs * steps_per_epoch)
    if step < warmup:
        return recipe.lr * (step + 1) / warmup
    if recipe.schedule == "step":
        return recipe.lr * recipe.lr_factor ** bisect.bisect_right(recipe.milestones, step / steps_per_epoch)
    if recipe.schedule == "cosine":
        done = (step - warmup) / max(1, total_steps - warmup)
        return recipe.lr * 0.5 * (1 + math.cos(math.pi * done))
    return recipe.lr
