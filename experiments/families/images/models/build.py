"""The networks for images, by kind. Each takes a factory for its activations and puts one in every place."""

from __future__ import annotations

from torch import nn

from experiments.activations.build import MakeActivation
from experiments.config.schema import Model
from experiments.families.images.models.cnn import SmallCNN
from experiments.families.images.models.mlp import BlockMLP
from experiments.families.images.models.resnet import CifarResNet
from experiments.families.images.schema import CNN, MLP, ResNet


def build_model(config: Model, activation: MakeActivation, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A network for images of ``shape`` (channels, height, width); call ``init.initialise`` on it next."""
    if isinstance(config, MLP):
        return BlockMLP(shape, classes, activation, config.blocks, config.width)
    if isinstance(config, CNN):
        return SmallCNN(shape, classes, activation, config.width)
    assert isinstance(config, ResNet)
    return CifarResNet(shape, classes, activation, config.depth, config.shortcut, config.width)
