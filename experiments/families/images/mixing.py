"""Mixup (Zhang et al. 2018, arXiv 1710.09412) and CutMix (Yun et al. 2019, arXiv 1905.04899) of neighbours.

Rows 2i and 2i + 1 of a batch are mixed with each other, so any even number of rows can be mixed on its own. Batches are
shuffled, so neighbours are as good as any other partners. The draws travel with the rows as numbers.
"""

from __future__ import annotations

import math
import random

import torch
from torch import Tensor

Mix = tuple[float, int, int, int, int]  # weight of the row's own image and label; the other's box: top, bottom, …


def draw_mix(seed: int, mixup: float, cutmix: float, height: int, width: int) -> Mix:
    """Weight and box of one part of a batch. Mixup has an empty box.

    The weight is from Beta(α, α). A box has the share 1 - weight of the area. If the border cuts the box, the weight
    becomes the share outside the box. If both are given, each has probability 1/2.
    """
    draw = random.Random(seed)
    if not cutmix or (mixup and draw.random() < 0.5):
        return draw.betavariate(mixup, mixup), 0, 0, 0, 0
    side = math.sqrt(1 - draw.betavariate(cutmix, cutmix))
    row, column = draw.randrange(height), draw.randrange(width)
    half_height, half_width = int(height * side) // 2, int(width * side) // 2
    top, bottom = max(0, row - half_height), min(height, row + half_height)
    left, right = max(0, column - half_width), min(width, column + half_width)
    return 1 - (bottom - top) * (right - left) / (height * width), top, bottom, left, right


def mix_images(x: Tensor, mix: Tensor) -> Tensor:
    """``x`` [B, C, H, W], floating-point, mixed with its neighbours as ``mix`` float [B, 5] says."""
    other = swap_neighbours(x)
    weight, top, bottom, left, right = (value[:, None, None, None] for value in mix.unbind(1))
    rows = torch.arange(x.shape[2], device=x.device)[:, None]
    columns = torch.arange(x.shape[3], device=x.device)[None, :]
    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    blended = torch.where(bottom > top, x, weight * x + (1 - weight) * other)
    return torch.where(inside, other, blended)


def swap_neighbours(x: Tensor) -> Tensor:
    """Rows 1, 0, 3, 2, 5, 4 … of ``x``."""
    return x.reshape(-1, 2, *x.shape[1:]).flip(1).flatten(0, 1)
