"""Random crop after padding by 4, and mirroring, for a whole batch at once on the device (He et al. 2015, 4.2)."""

from __future__ import annotations

import torch
from torch import Tensor

PAD = 4


def draw_moves(count: int, generator: torch.Generator, flip: bool) -> Tensor:
    """int64 [3, count]: row offset and column offset from 0 to 2·PAD, and 1 if the image is mirrored."""
    offsets = torch.randint(2 * PAD + 1, (2, count), generator=generator)
    mirror = torch.randint(2, (1, count), generator=generator)
    return torch.cat([offsets, mirror if flip else torch.zeros_like(mirror)])


def move(padded: Tensor, index: Tensor, moves: Tensor, size: int) -> Tensor:
    """Images ``index`` [B] of ``padded`` [n, C, size + 2·PAD, size + 2·PAD], moved: [B, C, size, size]."""
    steps = torch.arange(size, device=padded.device)
    rows = moves[0][:, None] + steps
    mirrored = torch.where(moves[2][:, None] == 1, size - 1 - steps, steps)
    columns = moves[1][:, None] + mirrored
    channels = torch.arange(padded.shape[1], device=padded.device)
    picture, row, column = index[:, None, None, None], rows[:, None, :, None], columns[:, None, None, :]
    return padded[picture, channels[:, None, None], row, column]
