"""BERT's masked tokens (arXiv 1810.04805, section 3.1), drawn by address."""

from __future__ import annotations

import torch
from torch import Tensor

from experiments.families.text.data.tokenizers import CLS, MASK, SPECIAL


def masked_tokens(rate: float, length: int) -> int:
    """The number of tokens to predict among ``length`` tokens."""
    return max(1, round(rate * length))


def mask(
    tokens: Tensor,
    rate: float,
    vocabulary: int,
    generator: torch.Generator,
    share: slice = slice(None),
    sequences: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Put [CLS] before ``tokens`` int64 [B, T - 1] and choose ``masked_tokens`` positions, k, of each.

    Of the chosen tokens 80 % become [MASK], 10 % a random token, 10 % stay. Returns the tokens [B, T], the
    positions and the tokens to predict, both int64 [B, k]. ``tokens`` are rows ``share`` of a batch of
    ``sequences`` rows. All rows are drawn, so a row does not depend on how processes share the batch.
    """
    rows = sequences or len(tokens)
    length = tokens.shape[1]
    k = masked_tokens(rate, length)
    order = torch.rand(rows, length, generator=generator)[share].argsort(1)
    fate = torch.rand(rows, k, generator=generator)[share]
    random = torch.randint(len(SPECIAL), vocabulary, (rows, k), generator=generator)[share]
    chosen = order[:, :k].sort(1).values
    targets = tokens.gather(1, chosen)
    shown = torch.where(fate < 0.8, MASK, torch.where(fate < 0.9, random, targets))
    tokens = tokens.scatter(1, chosen, shown)
    return torch.cat([torch.full_like(tokens[:, :1], CLS), tokens], 1), chosen + 1, targets
