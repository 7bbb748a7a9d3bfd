"""The wide residual network of Zagoruyko and Komodakis 2016 (arXiv 1605.07146), section 2."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class WideBlock(nn.Module):
    """BN-activation-conv-BN-activation-conv plus the shortcut (pre-activation block).

    If the number of channels changes, the shortcut is a 1×1 convolution of the first activation's output.
    """

    def __init__(self, channels_in: int, channels: int, stride: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.act1 = activation()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.act2 = activation()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.shortcut = None if channels_in == channels else nn.Conv2d(channels_in, channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act1(self.bn1(x))
        kept = x if self.shortcut is None else self.shortcut(y)
        out: Tensor = self.conv2(self.act2(self.bn2(self.conv1(y)))) + kept
        return out


class WideResNet(nn.Module):
    """6n + 4 layers: conv, three stages of n blocks with 16, 32, 64 times ``widen`` channels, BN-activation, Linear.

    WRN-28-2 has 1,467,610 parameters with ten classes and calls the activation 25 times. Input [B, C, H, W], output
    logits [B, classes].
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, activation: Callable[[], nn.Module], depth: int, widen: int
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(shape[0], 16, 3, padding=1, bias=False)
        blocks = []
        channels_in = 16
        for stage in range(3):
            channels = 16 * widen * 2**stage
            for index in range((depth - 4) // 6):
                blocks.append(WideBlock(channels_in, channels, 2 if stage and not index else 1, activation))
                channels_in = channels
        self.blocks = nn.Sequential(*blocks)
        self.bn = nn.BatchNorm2d(channels_in)
        self.act = activation()
        self.head = nn.Linear(channels_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn(self.blocks(self.stem(x))))
        out: Tensor = self.head(y.mean((2, 3)))
        return out
