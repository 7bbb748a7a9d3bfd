"""The backbones of detectors and segmenters: torchvision's ResNets, and a lean one for small pictures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn
from torchvision.models import resnet
from torchvision.ops import FrozenBatchNorm2d

from experiments.families.scenes.schema import SceneModel

STAGES = ("layer1", "layer2", "layer3", "layer4")
LEAN = (16, 32, 64, 96)  # channels of the four stages
Normalisation = Callable[[int], nn.Module]


def build_backbone(config: SceneModel, dilated: bool) -> tuple[nn.Module, list[int]]:
    """A network with children ``layer1`` … ``layer4``, and the number of channels of each.

    ``dilated``: the last two stages keep the resolution and use dilated convolutions, as in DeepLab.
    """
    norm: Normalisation = FrozenBatchNorm2d if config.frozen_norm else nn.BatchNorm2d
    if config.backbone == "lean":
        return lean(norm, dilated), list(LEAN)
    network = getattr(resnet, config.backbone)(
        weights=None, norm_layer=norm, replace_stride_with_dilation=[False, dilated, dilated]
    )
    return network, [network.inplanes // 2**halvings for halvings in (3, 2, 1, 0)]


def lean(norm: Normalisation, dilated: bool) -> nn.Module:
    """Stages of 3×3 convolution, normalisation and activation, each with half the resolution of the one before it.

    The last two stages have two of these layers; with ``dilated`` they keep the resolution. Weights are Kaiming-normal
    with fan-out, as in torchvision's ResNets.
    """
    stages = OrderedDict()
    before = 3
    for number, (name, channels) in enumerate(zip(STAGES, LEAN, strict=True)):
        keeps = dilated and number >= 2
        dilation = 2 if dilated and number == 3 else 1
        layers = convolution(before, channels, norm, stride=1 if keeps else 2, dilation=dilation)
        if number >= 2:
            layers += convolution(channels, channels, norm, stride=1, dilation=2 * dilation if keeps else 1)
        stages[name] = nn.Sequential(*layers)
        before = channels
    network = nn.Sequential(OrderedDict[str, nn.Module](stages))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


def convolution(before: int, channels: int, norm: Normalisation, stride: int, dilation: int) -> list[nn.Module]:
    layer = nn.Conv2d(before, channels, 3, stride, padding=dilation, dilation=dilation, bias=False)
    return [layer, norm(channels), nn.ReLU()]


def freeze(backbone: nn.Module, trainable_layers: int) -> None:
    """Train only the last ``trainable_layers`` of conv1, layer1 … layer4 of a ResNet, as torchvision does.

    BatchNorm of the other layers keeps its weights too. It updates its statistics unless it is frozen itself.
    """
    trained = ["layer4", "layer3", "layer2", "layer1", "conv1"][:trainable_layers]
    if trainable_layers == 5:
        trained.append("bn1")
    for name, parameter in backbone.named_parameters():
        if not name.startswith(tuple(trained)):
            parameter.requires_grad_(False)
