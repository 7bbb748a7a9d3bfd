"""Random crop after padding by 4, and horizontal flip, for a whole batch at once on the device (He et al. 2015, 4.2)."""

from __future__ import annotations

import torch
from torch import Tensor

PAD = 4


def draw_crop_flip(count: int, generator: torch.Generator) -> Tensor:
    """int64 [3, count]: row offset and column offset from 0 to 2·PAD, and 1 where the image is mirrored."""
    offsets = torch.randint(2 * PAD + 1, (2, count), generator=generator)
    mirror = torch.randint(2, (1, count), generator=generator)
    return torch.cat([offsets, mirror])


def crop_flip(padded: Tensor, index: Tensor, moves: Tensor, size: int) -> Tensor:
    """The images ``index`` of ``padded`` [n, C, size + 2·PAD, size + 2·PAD], moved by ``moves`` [3, B]: [B, C, size, size]."""
    steps = torch.arange(size, device=padded.device)
    rows = moves[0][:, None] + steps
    mirrored = torch.where(moves[2][:, None] == 1, size - 1 - steps, steps)
    columns = moves[1][:, None] + mirrored
    channels = torch.arange(padded.shape[1], device=padded.device)
    return padded[
        index[:, None, None, None], channels[:, None, None], rows[:, None, :, None], columns[:, None, None, :]
    ]
