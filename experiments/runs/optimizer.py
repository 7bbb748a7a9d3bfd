"""The optimiser of a recipe."""

from __future__ import annotations

import torch
from torch import nn

from experiments.config.schema import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe, fused: bool) -> torch.optim.Optimizer:
    """The recipe's optimiser over all parameters.

    With ``decay_all=false`` weight decay spares tensors of fewer than two axes.
    """
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
    if recipe.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, recipe.lr, momentum=recipe.momentum)
    return torch.optim.AdamW(groups, recipe.lr, betas=(recipe.betas[0], recipe.betas[1]), fused=fused)
