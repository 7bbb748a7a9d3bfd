"""A small CNN for MNIST-sized images: three convolution-BatchNorm-activation layers and a linear classifier."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class SmallCNN(nn.Module):
    """3×3 convolutions of stride 2, 2, 1 with width, 2 width, 2 width channels, then Linear on the flat result.

    Input [B, C, H, W], output logits [B, classes]. Each stride of 2 rounds up, so any H and W are allowed.
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

        channels, height, width_in = shape
        pixels = -(-height // 4) * -(-width_in // 4)
        self.features = nn.Sequential(
            layer(channels, width, 2), layer(width, 2 * width, 2), layer(2 * width, 2 * width, 1)
        )
        self.head = nn.Linear(2 * width * pixels, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.features(x).flatten(1))
        return out
