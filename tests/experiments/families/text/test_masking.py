"""Masking: the shares of the paper, rows that do not depend on how a batch is shared out, and addressed draws."""

from __future__ import annotations

import pytest
import torch

from experiments.families.text.data.tokenizers import CLS, MASK, SPECIAL
from experiments.families.text.masking import mask
from experiments.randomness import generator

VOCABULARY = 1000


def tokens(rows: int = 400, length: int = 63) -> torch.Tensor:
    return torch.randint(len(SPECIAL), VOCABULARY, (rows, length), generator=generator(0, "test"))


def test_shares_are_those_of_the_paper() -> None:
    plain = tokens()
    shown, positions, targets = mask(plain, 0.15, VOCABULARY, generator(0, "mask", 3))
    assert shown.shape == (400, 64)
    assert positions.shape == targets.shape == (400, round(0.15 * 63))
    assert (shown[:, 0] == CLS).all()
    assert torch.equal(plain.gather(1, positions - 1), targets)
    assert (positions.diff(dim=1) > 0).all()
    chosen = shown.gather(1, positions)
    count = targets.numel()
    assert (chosen == MASK).sum() / count == pytest.approx(0.8, abs=0.03)
    assert (chosen == targets).sum() / count == pytest.approx(0.1, abs=0.02)
    untouched = shown.scatter(1, positions, -1)
    assert torch.equal(untouched[:, 1:][untouched[:, 1:] >= 0], plain[untouched[:, 1:] >= 0])
    everywhere = torch.zeros(64).index_add_(0, positions.flatten(), torch.ones(count))
    assert everywhere[1:].min() > 0


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_a_row_does_not_depend_on_the_sharing(processes: int) -> None:
    plain = tokens(8)
    whole = mask(plain, 0.15, VOCABULARY, generator(1, "mask", 0))
    for rank in range(processes):
        share = slice(rank * 8 // processes, (rank + 1) * 8 // processes)
        part = mask(plain[share], 0.15, VOCABULARY, generator(1, "mask", 0), share, 8)
        assert all(torch.equal(a, b[share]) for a, b in zip(part, whole, strict=True))


def test_every_step_and_seed_draws_its_own() -> None:
    draws = [mask(tokens(), 0.15, VOCABULARY, generator(seed, "mask", step))[1] for seed in (0, 1) for step in (0, 1)]
    assert not any(torch.equal(a, b) for i, a in enumerate(draws) for b in draws[:i])
