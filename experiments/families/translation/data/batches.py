"""Batches of pairs of similar length, cut by tokens. (seed, epoch) determines which pairs, and in which order."""

from __future__ import annotations

from itertools import pairwise

import numpy
import torch
from numpy.typing import NDArray

from experiments.errors import UserError
from experiments.families.translation.data.encoded import EncodedPairs
from experiments.randomness import generator

Index = NDArray[numpy.int64]


class BatchPlan:
    """The pairs sorted by the lengths of target and source, cut where a batch is full.

    Every epoch has the same batch shapes and so the same number of steps. Pairs of equal lengths change places at
    random, and the batches come in a random order.
    """

    def __init__(self, pairs: EncodedPairs, tokens: int) -> None:
        self.keys = pairs.target.lengths * 2**20 + pairs.source.lengths
        order = numpy.argsort(self.keys, kind="stable")
        self.bounds = cut(pairs.source.lengths[order], pairs.target.lengths[order], tokens)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def in_order(self) -> list[Index]:
        """The batches from short to long, ties by position: for evaluation."""
        order = numpy.argsort(self.keys, kind="stable")
        return [order[first:last] for first, last in pairwise(self.bounds)]

    def epoch(self, seed: int, epoch: int) -> list[Index]:
        """The batches of one epoch in their order."""
        shuffled = torch.randperm(len(self.keys), generator=generator(seed, "order", epoch)).numpy()
        order = shuffled[numpy.argsort(self.keys[shuffled], kind="stable")]
        places = torch.randperm(len(self), generator=generator(seed, "batches", epoch)).tolist()
        return [order[self.bounds[place] : self.bounds[place + 1]] for place in places]


def cut(source_lengths: Index, target_lengths: Index, tokens: int) -> list[int]:
    """The boundaries of batches: rows times the longest sentence is at most ``tokens``. Raises UserError."""
    longest = int(max(source_lengths.max(), target_lengths.max()))
    if longest > tokens:
        raise UserError(
            f"recipe.tokens_per_step={tokens}: must be at least {longest}, the tokens of the longest sentence"
        )
    bounds, first, most = [0], 0, 0
    for row, length in enumerate(numpy.maximum(source_lengths, target_lengths).tolist()):
        most = max(most, length)
        if (row + 1 - first) * most > tokens:
            bounds.append(row)
            first, most = row, length
    return [*bounds, len(source_lengths)]
