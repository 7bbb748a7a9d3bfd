"""The optimiser of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from experiments.config.schema import Recipe


def make_optimizer(
    model: nn.Module, recipe: Recipe, fused: bool, lr_factors: Mapping[str, float] | None = None
) -> torch.optim.Optimizer:
    """The recipe's optimiser over all parameters.

    With ``decay_all=false``, tensors of fewer than two axes get no weight decay. ``rmsprop_tf`` is TensorFlow's RMSprop
    with the smoothing 0.9 and ε = 0.001 of EfficientNet's recipe. In it ε is below the square root, and the mean
    squares begin at 1. The momentum accumulates steps that the rate has already scaled.

    ``lr_factors``: see ``Task``. A group of parameters stores its factor as ``lr_factor``; the loop multiplies the rate
    by it.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    spared = [] if recipe.decay_all else [p for p in parameters if p.ndim < 2]
    spared_ids = {id(p) for p in spared}
    groups = [
        {"params": [p for p in parameters if id(p) not in spared_ids], "weight_decay": recipe.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    if lr_factors:
        groups = [part for group in groups for part in divided(group, model, lr_factors)]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=fused)
    if recipe.optimizer == "rmsprop_tf":
        from timm.optim import RMSpropTF

        return RMSpropTF(groups, recipe.lr, alpha=0.9, eps=1e-3, momentum=recipe.momentum)
    if recipe.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, recipe.lr, momentum=recipe.momentum)
    return torch.optim.AdamW(groups, recipe.lr, betas=(recipe.betas[0], recipe.betas[1]), fused=fused)


def divided(group: dict[str, Any], model: nn.Module, lr_factors: Mapping[str, float]) -> list[dict[str, Any]]:
    """``group`` split into parts of one learning rate each."""
    members: dict[float, list[nn.Parameter]] = {}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for parameter in group["params"]:
        found = [factor for start, factor in lr_factors.items() if names[id(parameter)].startswith(start)]
        members.setdefault(found[0] if found else 1.0, []).append(parameter)
    return [group | {"params": each, "lr_factor": factor} for factor, each in members.items()]
