"""``recipe.ema``: an exponential moving average of the weights, which is what is evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """average ← decay·average + (1 - decay)·weights after every step; buffers of floating point likewise."""

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
        """The model has the averaged weights for the duration of the block."""
        with torch.no_grad():
            kept = [t.detach().clone() for t in self.live]
            torch._foreach_copy_(self.live, self.average)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.live, kept)

    def state(self) -> dict[str, Tensor]:
        """The averages by the names that ``state_dict()`` has for the weights."""
        return {name: self.average[place] for name, place in self.places.items()}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        for name, place in self.places.items():
            self.average[place].copy_(state[name])


def evaluated_weights(state: Mapping[str, Any]) -> dict[str, Any]:
    """The weights that were evaluated, from the ``state`` of a checkpoint: the averages where the recipe has them."""
    averages = state.get("average", {})
    return {name: averages.get(name, value) for name, value in state["model"].items()}
