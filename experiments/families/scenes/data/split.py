"""Splits held-out pictures from the training pictures, and limits the rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from experiments.errors import UserError
from experiments.randomness import generator


def held_out(usable: Sequence[int], holdout: int, size: int | None, name: str) -> tuple[list[int], list[int]]:
    """``holdout`` of ``usable`` for evaluation, ``size`` of the others for training (None: all), in increasing order.

    A fixed random draw chooses them. Raises UserError if there are too few.
    """
    if holdout + (size or 1) > len(usable):
        raise UserError(
            f"dataset.holdout={holdout} dataset.train_size={size}: must together be at most {len(usable)}, "
            f"the number of training pictures of {name}"
        )
    order = torch.randperm(len(usable), generator=generator(0, "split")).tolist()
    held, rest = order[:holdout], order[holdout:]
    return sorted(usable[k] for k in rest[:size]), sorted(usable[k] for k in held)
