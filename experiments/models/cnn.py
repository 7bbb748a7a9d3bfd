"""A small CNN for MNIST-sized images: three convolution-BatchNorm-activation layers and a linear classifier."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class SmallCNN(nn.Module):
    """Conv 3×3 (width), then two of stride 2 (2 width, 4 width), global average pool, Linear.

    Input [B, C, H, W] of any size, output logits [B, classes].
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, activation: Callable[[], nn.Module], width: int
    ) -> None:
        super().__init__()

        def layer(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(channels_out),
                activation(),
            )

        self.features = nn.Sequential(
            layer(shape[0], width, 1), layer(width, 2 * width, 2), layer(2 * width, 4 * width, 2)
        )
        self.head = nn.Linear(4 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.features(x).mean((2, 3)))
        return out
