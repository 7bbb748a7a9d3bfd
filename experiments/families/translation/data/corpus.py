"""The interface of a corpus of sentence pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Pair(NamedTuple):
    """A sentence and its translation."""

    source: str
    target: str


class Corpus(Protocol):
    """A source of sentence pairs."""

    stamp: str  # changes when the pairs do

    def pairs(self, split: str) -> Iterator[Pair]:
        """The pairs of ``train``, ``valid`` or ``test``."""
        ...
