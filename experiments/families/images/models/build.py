"""Builds and initialises the image networks, by kind, with the configured activation in every place."""

from __future__ import annotations

from torch import nn

import gem
from experiments.activations.build import MakeActivation, activation_factory
from experiments.config.schema import Config, Model
from experiments.errors import UserError
from experiments.families.images import schema
from experiments.families.images.models.cnn import SmallCNN
from experiments.families.images.models.densenet import DenseNet
from experiments.families.images.models.init import RELU_GAIN, initialise
from experiments.families.images.models.library import build_library_model
from experiments.families.images.models.mlp import BlockMLP
from experiments.families.images.models.resnet import CifarResNet
from experiments.families.images.models.survey import Survey, survey_model
from experiments.families.images.models.wide_resnet import WideResNet


def build(config: Config, shape: tuple[int, int, int], classes: int) -> tuple[nn.Module, Survey | None]:
    """The initialised network of ``config`` for images of ``shape``, and the survey of a library's network.

    Raises UserError if a library's network does not accept the images or the activation.
    """
    recipe, activation = config.recipe, activation_factory(config.activation)
    assert isinstance(recipe, schema.ImageRecipe)
    if isinstance(config.model, schema.LibraryModel):
        return build_surveyed(config.model, activation, shape, classes, config.seed)
    model = build_model(config.model, activation, shape, classes)
    gain = RELU_GAIN if recipe.init_gain == "relu" else gem.gain(activation())
    initialise(model, config.seed, gain)
    return model, None


def build_surveyed(
    config: schema.LibraryModel, activation: MakeActivation, shape: tuple[int, int, int], classes: int, seed: int
) -> tuple[nn.Module, Survey]:
    shown = f"model.architecture={config.architecture}"
    model, activation_type = build_library_model(config, activation, shape, classes, seed)
    survey = survey_model(model, activation_type, shape, classes, shown)
    if survey.left and config.swap == "complete":
        raise UserError(f"{shown}: does not take the activation everywhere; still called: {', '.join(survey.left)}")
    return model, survey


def build_model(config: Model, activation: MakeActivation, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """One of this suite's networks for images of ``shape`` (channels, height, width), before ``init.initialise``."""
    if isinstance(config, schema.MLP):
        return BlockMLP(shape, classes, activation, config.blocks, config.width)
    if isinstance(config, schema.CNN):
        return SmallCNN(shape, classes, activation, config.width)
    if isinstance(config, schema.WideResNet):
        return WideResNet(shape, classes, activation, config.depth, config.widen)
    if isinstance(config, schema.DenseNet):
        return DenseNet(shape, classes, activation, config.depth, config.growth)
    assert isinstance(config, schema.ResNet)
    return CifarResNet(shape, classes, activation, config.depth, config.shortcut, config.width)
