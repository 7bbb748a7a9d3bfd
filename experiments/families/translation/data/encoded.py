"""Encoded pairs in memory: flat arrays of tokens, padded to rectangles when a batch is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.errors import UserError
from experiments.families.translation.data.bpe import PAD
from experiments.randomness import generator


@dataclass(frozen=True, eq=False)
class Sentences:
    """Sentence ``i`` is ``tokens[ends[i - 1] : ends[i]]``. Its last token is the end of the sentence."""

    tokens: NDArray[numpy.uint16]
    ends: NDArray[numpy.int64]

    @staticmethod
    def of(rows: Sequence[Sequence[int]]) -> Sentences:
        flat = numpy.array([token for row in rows for token in row], numpy.uint16)
        return Sentences(flat, numpy.cumsum([len(row) for row in rows], dtype=numpy.int64))

    @staticmethod
    def joined(parts: Sequence[Sentences]) -> Sentences:
        lengths = numpy.concatenate([part.lengths for part in parts])
        return Sentences(numpy.concatenate([part.tokens for part in parts]), numpy.cumsum(lengths))

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> NDArray[numpy.int64]:
        return numpy.diff(self.ends, prepend=0)

    def lengths_of(self, index: NDArray[numpy.int64]) -> NDArray[numpy.int64]:
        """The lengths of the sentences ``index``."""
        return self.ends[index] - numpy.where(index > 0, self.ends[index - 1], 0)

    def first(self, count: int) -> Sentences:
        ends = self.ends[:count]
        return Sentences(self.tokens[: ends[-1]], ends)

    def chosen(self, index: NDArray[numpy.int64]) -> Sentences:
        """The sentences ``index``, in that order."""
        return Sentences.of([self.tokens[self.ends[i - 1] if i else 0 : self.ends[i]].tolist() for i in index.tolist()])

    def padded(self, index: NDArray[numpy.int64], width: int | None = None) -> Tensor:
        """int64 [len(index), width]: the sentences ``index``, padded to ``width`` (None: to the longest of them)."""
        rows = [self.tokens[self.ends[i - 1] if i else 0 : self.ends[i]] for i in index.tolist()]
        out = numpy.full((len(rows), width or max(len(row) for row in rows)), PAD, numpy.int64)
        for number, row in enumerate(rows):
            out[number, : len(row)] = row
        return torch.from_numpy(out)


@dataclass(frozen=True, eq=False)
class EncodedPairs:
    """Sentence ``i`` of ``target`` is the translation of sentence ``i`` of ``source``."""

    source: Sentences
    target: Sentences

    def __len__(self) -> int:
        return len(self.source)

    def first(self, count: int) -> EncodedPairs:
        return EncodedPairs(self.source.first(count), self.target.first(count))

    def chosen(self, index: NDArray[numpy.int64]) -> EncodedPairs:
        return EncodedPairs(self.source.chosen(index), self.target.chosen(index))

    def unigram_entropy(self) -> float:
        """-Σ p log p in nats over the target tokens."""
        counts = numpy.bincount(self.target.tokens)
        p = counts[counts > 0] / counts.sum()
        return float(-(p * numpy.log(p)).sum())


def hold_out(pairs: EncodedPairs, count: int) -> tuple[EncodedPairs, EncodedPairs]:
    """``pairs`` without ``count`` of them, and these; the same draw for every seed. Raises UserError for too many."""
    if count >= len(pairs):
        raise UserError(f"dataset.holdout={count}: must be less than {len(pairs)}, the number of training pairs")
    order = torch.randperm(len(pairs), generator=generator(0, "held-out pairs")).numpy()
    return pairs.chosen(numpy.sort(order[count:])), pairs.chosen(numpy.sort(order[:count]))
