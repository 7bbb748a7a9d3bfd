"""The prepared tokens of a corpus cut into blocks, and their mapping for a model with a smaller vocabulary."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.errors import UserError
from experiments.families.text.data.shards import again, map_shard
from experiments.families.text.data.tokenizers import Tokenizer
from experiments.files import read_json


class Tokens:
    """The shards below ``folder``, mapped and checked. Raises UserError for a shard that is damaged or foreign."""

    def __init__(self, folder: Path, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        try:
            index = read_json(folder / "index.json")
            self.shards = {
                split: [map_shard(folder / name, tokenizer.hash) for name in names]
                for split, names in index["shards"].items()
            }
            self.counts = {split: numpy.array(values) for split, values in index["counts"].items()}
            sums = json.dumps(index["crc32"], sort_keys=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{folder / 'index.json'}: damaged ({error!r}); {again(folder / 'index.json')}") from error
        self.fingerprint = hashlib.sha256(f"{tokenizer.hash} {sums}".encode()).hexdigest()[:16]

    def blocks(self, split: str, length: int) -> Blocks:
        return Blocks(self.shards[split], length)

    def vocabulary_map(self, size: int) -> Tensor | None:
        """int64 [tokenizer.size]: the id of each token in a model of ``size`` tokens; None if it knows them all.

        The ``size`` - 1 most frequent training tokens are numbered by rank; all others share the last id.
        """
        if size >= self.tokenizer.size:
            return None
        order = numpy.argsort(-self.counts["train"], kind="stable")[: size - 1]
        table = numpy.full(self.tokenizer.size, size - 1)
        table[order] = numpy.arange(size - 1)
        return torch.from_numpy(table)

    def unigram_entropy(self, split: str, vocabulary_map: Tensor | None) -> float:
        """-Σ p log p in nats over the tokens of ``split``: the loss of the best model that knows only frequencies."""
        counts = torch.from_numpy(self.counts[split]).double()
        if vocabulary_map is not None:
            known = int(vocabulary_map.max()) + 1
            counts = torch.zeros(known, dtype=torch.float64).index_add_(0, vocabulary_map, counts)
        p = counts[counts > 0] / counts.sum()
        return float(-(p * p.log()).sum())


class Blocks:
    """Stretches of ``length`` tokens that neither overlap nor cross the end of a shard."""

    def __init__(self, shards: list[NDArray[numpy.uint16]], length: int) -> None:
        self.shards, self.length = shards, length
        # One stretch less than fits, so that every shift below ``length`` has the same number of blocks.
        self.ends = numpy.cumsum([max(0, len(shard) // length - 1) for shard in shards])
        self.range = range(int(self.ends[-1]))

    def __len__(self) -> int:
        return len(self.range)

    def part(self, chosen: slice) -> Blocks:
        """A contiguous part of the blocks."""
        mine = copy.copy(self)
        mine.range = self.range[chosen]
        return mine

    def take(self, index: Tensor, shift: int = 0) -> Tensor:
        """int64 [B, length]: blocks ``index`` [B], all shifted by ``shift`` tokens."""
        out = numpy.empty((len(index), self.length), numpy.int64)
        for row, number in enumerate(index.tolist()):
            block = self.range[number]
            shard = int(numpy.searchsorted(self.ends, block, side="right"))
            start = (block - (self.ends[shard - 1] if shard else 0)) * self.length + shift
            out[row] = self.shards[shard][start : start + self.length]
        return torch.from_numpy(out)
