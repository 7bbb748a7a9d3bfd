"""``recipe.ema``: an exponential moving average of the weights, which evaluation uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """average ← decay·average + (1 - decay)·weights after every step, also for floating-point buffers."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        named = chain(model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False))
        tensors = {name: t for name, t in named if t.is_floating_point()}
        self.live = list({id(t): t for t in tensors.values()}.values())  # a tied tensor has several names
        self.average = [t.detach().clone() for t in self.live]
        place = {id(t): index for index, t in enumerate(self.live)}
        self.places = {name: place[id(t)] for name, t in tensors.items()}

    @torch.no_grad()
    def update(self) -> None:
        torch._foreach_lerp_(self.average, self.live, 1 - self.decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the averaged weights within the block."""
        with torch.no_grad():
            kept = [t.detach().clone() for t in self.live]
            torch._foreach_copy_(self.live, self.average)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.live, kept)

    def state(self) -> dict[str, Tensor]:
        """The averages under the weights' names in ``state_dict()``."""
        return {name: self.average[place] for name, place in self.places.items()}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        for name, place in self.places.items():
            self.average[place].copy_(state[name])


def evaluated_weights(state: Mapping[str, Any]) -> dict[str, Any]:
    """The weights that evaluation used, from the ``state`` of a checkpoint: the averages if the recipe has them."""
    averages = state.get("average", {})
    return {name: averages.get(name, value) for name, value in state["model"].items()}
