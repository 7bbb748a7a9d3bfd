"""``recipe.ema``: an exponential moving average of the weights, which is what is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """average ← decay·average + (1 - decay)·weights after every step; buffers of floating point likewise."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.live = [t for t in [*model.parameters(), *model.buffers()] if t.is_floating_point()]
        self.average = [t.detach().clone() for t in self.live]

    @torch.no_grad()
    def update(self) -> None:
        torch._foreach_lerp_(self.average, self.live, 1 - self.decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the averaged weights for the duration of the block."""
        with torch.no_grad():
            kept = [t.detach().clone() for t in self.live]
            torch._foreach_copy_(self.live, self.average)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.live, kept)

    def state(self) -> list[Tensor]:
        return self.average

    @torch.no_grad()
    def load(self, state: list[Tensor]) -> None:
        torch._foreach_copy_(self.average, [t.to(own.device) for t, own in zip(state, self.average, strict=True)])
