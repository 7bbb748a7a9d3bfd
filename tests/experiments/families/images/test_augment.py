"""The batched crop and flip against a loop over images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from experiments.families.images.augment import PAD, draw_moves, move
from experiments.randomness import generator


def one_by_one(images: Tensor, index: Tensor, moves: Tensor) -> Tensor:
    size = images.shape[-1]
    out = []
    for position, image in enumerate(index.tolist()):
        row, column, mirror = moves[:, position].tolist()
        crop = F.pad(images[image], (PAD,) * 4)[:, row : row + size, column : column + size]
        out.append(crop.flip(2) if mirror else crop)
    return torch.stack(out)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32)])
@pytest.mark.parametrize("flip", [False, True])
def test_equals_a_loop(shape: tuple[int, int, int], flip: bool) -> None:
    images = torch.randint(256, (50, *shape), dtype=torch.uint8, generator=generator(0, "images"))
    index = torch.randperm(50, generator=generator(0, "order"))[:32]
    moves = draw_moves(32, generator(0, "augment"), flip)
    assert bool(moves[2].any()) == flip
    moved = move(F.pad(images, (PAD,) * 4), index, moves, shape[-1])
    assert moved.dtype == torch.uint8
    assert torch.equal(moved, one_by_one(images, index, moves))


def test_every_offset_and_both_mirrors_are_drawn_evenly() -> None:
    moves = draw_moves(90_000, generator(0, "augment"), flip=True)
    for axis, values in ((0, 2 * PAD + 1), (1, 2 * PAD + 1), (2, 2)):
        counts = torch.bincount(moves[axis], minlength=values).double() * values / 90_000
        assert counts.numel() == values
        assert (counts - 1).abs().max() < 0.05
