"""The CIFAR ResNet of He et al. 2015 (arXiv 1512.03385), section 4.2."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class BasicBlock(nn.Module):
    """conv-BN-activation-conv-BN, plus the shortcut, then the activation (post-activation block)."""

    def __init__(
        self, channels_in: int, channels: int, stride: int, activation: Callable[[], nn.Module], shortcut: nn.Module
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.act1 = activation()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = shortcut
        self.act2 = activation()

    def forward(self, x: Tensor) -> Tensor:
        y = self.act1(self.bn1(self.conv1(x)))
        out: Tensor = self.act2(self.bn2(self.conv2(y)) + self.shortcut(x))
        return out


class IdentityPad(nn.Module):
    """Shortcut A: every second pixel, zeros in the new channels. No parameters."""

    def __init__(self, new_channels: int) -> None:
        super().__init__()
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        before = self.new_channels // 2
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, before, self.new_channels - before))


def make_shortcut(kind: str, channels_in: int, channels: int, stride: int) -> nn.Module:
    if stride == 1 and channels_in == channels:
        return nn.Identity()
    if kind == "identity_pad":
        return IdentityPad(channels - channels_in)
    return nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))


class CifarResNet(nn.Module):
    """6n + 2 layers: conv-BN-activation, three stages of n blocks (width, 2 width, 4 width), average pool, Linear.

    ``shortcut`` is used where the shape changes: ``identity_pad`` (option A) or ``conv`` (option B, 1×1 conv
    and BatchNorm). ResNet-56 calls the activation 55 times. Input [B, C, H, W], output logits [B, classes].
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        activation: Callable[[], nn.Module],
        depth: int,
        shortcut: str,
        width: int = 16,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(shape[0], width, 3, padding=1, bias=False), nn.BatchNorm2d(width), activation()
        )
        blocks = []
        channels_in = width
        for stage in range(3):
            channels = width * 2**stage
            for index in range((depth - 2) // 6):
                stride = 2 if stage > 0 and index == 0 else 1
                join = make_shortcut(shortcut, channels_in, channels, stride)
                blocks.append(BasicBlock(channels_in, channels, stride, activation, join))
                channels_in = channels
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.blocks(self.stem(x)).mean((2, 3)))
        return out
