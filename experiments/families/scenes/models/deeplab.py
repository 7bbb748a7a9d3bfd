"""torchvision's DeepLabV3 at any width."""

from __future__ import annotations

from torch import nn
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.segmentation import DeepLabV3
from torchvision.models.segmentation.deeplabv3 import ASPP
from torchvision.models.segmentation.fcn import FCNHead

from experiments.families.scenes.schema import DeepLabModel


def build_deeplab(config: DeepLabModel, backbone: nn.Module, channels: list[int], classes: int) -> nn.Module:
    """DeepLabV3; ``classes`` includes the background. With 256 channels its state matches torchvision's network."""
    levels = {"layer4": "out"} | ({"layer3": "aux"} if config.auxiliary else {})
    auxiliary = FCNHead(channels[2], classes) if config.auxiliary else None
    features = IntermediateLayerGetter(backbone, levels)
    network: nn.Module = DeepLabV3(features, head(config, channels[3], classes), auxiliary)
    if not config.dropout:
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
    return network


def head(config: DeepLabModel, channels: int, classes: int) -> nn.Sequential:
    """torchvision's ``DeepLabHead`` with another number of channels."""
    width = config.channels
    return nn.Sequential(
        ASPP(channels, config.rates, width),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, classes, 1),
    )
