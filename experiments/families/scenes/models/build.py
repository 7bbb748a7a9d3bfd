"""The network of a configuration: built with ReLU as torchvision does, then given the configured activation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

import gem
from experiments.activations.build import activation_factory
from experiments.config.schema import Config
from experiments.families.scenes.models.backbones import build_backbone, freeze
from experiments.families.scenes.models.deeplab import build_deeplab
from experiments.families.scenes.models.detectors import build_detector
from experiments.families.scenes.models.pretrained import load_pretrained
from experiments.families.scenes.schema import DeepLabModel, Detector, SceneModel
from experiments.randomness import global_stream


def build_network(config: Config, classes: int, pretrained: bool = True) -> nn.Module:
    """A network for ``classes`` classes, including the background.

    Its initialisation depends only on the seed, not on the activation. Without ``pretrained`` the backbone keeps its
    random weights, for callers that load all weights afterwards. Raises UserError if pretrained weights are missing.
    """
    model = config.model
    assert isinstance(model, SceneModel)
    with global_stream(config.seed, "init", "backbone"):
        backbone, channels = build_backbone(model, isinstance(model, DeepLabModel))
    put_in(backbone, config.activation, model.swap)
    if pretrained and model.pretrained is not None:
        load_pretrained(backbone, config, model.pretrained)
    if model.backbone != "lean":
        freeze(backbone, model.trainable_layers)
    with global_stream(config.seed, "init", "heads"):
        network = on_top(model, backbone, channels, classes)
    put_in(network, config.activation, model.swap)
    return network


def on_top(model: SceneModel, backbone: nn.Module, channels: list[int], classes: int) -> nn.Module:
    if isinstance(model, DeepLabModel):
        return build_deeplab(model, backbone, channels, classes)
    assert isinstance(model, Detector)
    return build_detector(model, backbone, channels, classes)


def put_in(network: nn.Module, activation: Mapping[str, Any], swap: str) -> None:
    """Replace every ReLU by the configured activation; with ``swap=modules`` only the modules."""
    gem.replace_activations(network, nn.ReLU, activation_factory(activation), functional=swap == "complete")
