"""Initialisation with one draw per named parameter, so that it depends only on the seed and the name."""

from __future__ import annotations

import math

import torch
from torch import nn

from experiments.randomness import generator

RELU_GAIN = math.sqrt(2.0)


@torch.no_grad()
def initialise(model: nn.Module, seed: int, gain: float = RELU_GAIN) -> None:
    """Kaiming normal, fan-in, for convolutions and linear layers (He et al. 2015, arXiv 1502.01852), zero biases.

    ``gain`` = √2 is the ReLU gain, which GoLU's recipe uses for every activation. Normalisation layers keep
    weight 1 and bias 0; parameters of activations keep their constructed value.
    """
    for name, module in model.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            fan_in = module.weight[0].numel()
            draw = torch.randn(module.weight.shape, generator=generator(seed, "init", f"{name}.weight"))
            module.weight.copy_(draw * (gain / math.sqrt(fan_in)))
            if module.bias is not None:
                module.bias.zero_()
