"""The CIFAR DenseNet-BC of Huang et al. 2017 (arXiv 1608.06993), section 3."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class DenseLayer(nn.Module):
    """BN-activation-conv1×1-BN-activation-conv3×3, whose output is joined to its input (bottleneck layer)."""

    def __init__(self, channels: int, growth: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.act1 = activation()
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.act2 = activation()
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.act1(self.bn1(x)))
        return torch.cat([x, self.conv2(self.act2(self.bn2(y)))], 1)


class Transition(nn.Module):
    """BN-activation-conv1×1-average pool of 2: half the channels, half the side."""

    def __init__(self, channels: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.act = activation()
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv(self.act(self.bn(x))), 2)


class DenseNet(nn.Module):
    """6n + 4 layers: conv, three dense blocks of n layers with transitions between them, BN-activation, Linear.

    ``growth`` channels join at every layer; the first convolution has twice as many. DenseNet-BC-40 with growth 12 has
    176,122 parameters with ten classes and calls the activation 39 times. Input [B, C, H, W], output logits
    [B, classes].
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, activation: Callable[[], nn.Module], depth: int, growth: int
    ) -> None:
        super().__init__()
        channels = 2 * growth
        self.stem = nn.Conv2d(shape[0], channels, 3, padding=1, bias=False)
        layers: list[nn.Module] = []
        for block in range(3):
            if block:
                layers.append(Transition(channels, activation))
                channels //= 2
            for _ in range((depth - 4) // 6):
                layers.append(DenseLayer(channels, growth, activation))
                channels += growth
        self.layers = nn.Sequential(*layers)
        self.bn = nn.BatchNorm2d(channels)
        self.act = activation()
        self.head = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn(self.layers(self.stem(x))))
        out: Tensor = self.head(y.mean((2, 3)))
        return out
