"""Held-out training pictures, and how many of the rest are used."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from experiments.errors import UserError
from experiments.randomness import generator


def held_out(usable: Sequence[int], holdout: int, size: int | None, name: str) -> tuple[list[int], list[int]]:
    """``holdout`` of ``usable`` for evaluation, drawn at random once for all, and ``size`` of the others for training
    (None: all), both in increasing order. Raises UserError where there are too few."""
    if holdout + (size or 1) > len(usable):
        raise UserError(
            f"dataset.holdout={holdout} dataset.train_size={size}: must together be at most {len(usable)}, "
            f"the number of training pictures of {name}"
        )
    order = torch.randperm(len(usable), generator=generator(0, "split")).tolist()
    held, rest = order[:holdout], order[holdout:]
    return sorted(usable[k] for k in rest[:size]), sorted(usable[k] for k in held)
