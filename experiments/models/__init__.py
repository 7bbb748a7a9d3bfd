"""The networks, by kind. Each takes a factory for its activations and puts one in every place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from experiments.config.schema import CNN, MLP, ResNet
from experiments.models.cnn import SmallCNN
from experiments.models.mlp import BlockMLP
from experiments.models.resnet import CifarResNet

Activation = Callable[[], nn.Module]


def build_model(config: Any, activation: Activation, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A network for images of ``shape`` (channels, height, width); call ``init.initialise`` on it next."""
    if isinstance(config, MLP):
        return BlockMLP(shape, classes, activation, config.blocks, config.width)
    if isinstance(config, CNN):
        return SmallCNN(shape, classes, activation, config.width)
    assert isinstance(config, ResNet)
    return CifarResNet(shape, classes, activation, config.depth, config.shortcut, config.width)
