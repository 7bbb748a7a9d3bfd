"""The network of GoLU's MLP study: blocks of Linear, LayerNorm, activation, then a linear classifier."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from torch import Tensor, nn


class BlockMLP(nn.Module):
    """``blocks`` × (Linear → LayerNorm → activation) → Linear. Input [B, C, H, W], output logits [B, classes]."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        activation: Callable[[], nn.Module],
        blocks: int,
        width: int,
    ) -> None:
        super().__init__()
        sizes = [math.prod(shape)] + [width] * blocks
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(before, after), nn.LayerNorm(after), activation())
                for before, after in itertools.pairwise(sizes)
            )
        )
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.blocks(x.flatten(1)))
        return out
