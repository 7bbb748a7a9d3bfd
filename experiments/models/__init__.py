"""The networks, by kind. Each takes a factory for its activations and puts one in every place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import nn

import gem
from experiments.config.schema import CNN, MLP, ResNet, Transformer
from experiments.models.bert import BERT
from experiments.models.cnn import SmallCNN
from experiments.models.gpt2 import GPT2
from experiments.models.mlp import BlockMLP
from experiments.models.resnet import CifarResNet
from experiments.randomness import generator

Activation = Callable[[], nn.Module]


def activation_factory(activation: dict[str, Any]) -> Activation:
    """What makes the configured activation, ``{"name": …, **parameters}``, anew for every place."""
    parameters = {key: value for key, value in activation.items() if key != "name"}
    return functools.partial(gem.make_activation, activation["name"], **parameters)


def build_model(config: Any, activation: Activation, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A network for images of ``shape`` (channels, height, width); call ``init.initialise`` on it next."""
    if isinstance(config, MLP):
        return BlockMLP(shape, classes, activation, config.blocks, config.width)
    if isinstance(config, CNN):
        return SmallCNN(shape, classes, activation, config.width)
    assert isinstance(config, ResNet)
    return CifarResNet(shape, classes, activation, config.depth, config.shortcut, config.width)


def build_transformer(config: Transformer, activation: Activation, vocabulary: int, seed: int) -> GPT2 | BERT:
    """A language model over ``vocabulary`` tokens, initialised."""
    kind = GPT2 if config.kind == "gpt2" else BERT
    model = kind(vocabulary, config.context, config.layers, config.heads, config.width, activation)
    model.initialise(generator(seed, "init"))
    return model
