"""Sentence pairs from UTF-8 files with one pair per line: the source, a tab, the target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.errors import UserError
from experiments.families.text.data.documents import OPENERS, UNREADABLE
from experiments.families.translation.data.corpus import Corpus, Pair
from experiments.families.translation.schema import PairsDataset

SPLITS = ("train", "valid", "test")
HELD_OUT = ("train",)  # the only split that a run with held-out evaluation reads
SUFFIXES = (".tsv", ".tsv.xz", ".tsv.gz")


class PairFiles:
    """``train``, ``valid`` and ``test`` below a folder, each ``.tsv``, ``.tsv.xz`` or ``.tsv.gz``.

    ``splits`` are the splits that will be read.
    """

    def __init__(self, folder: Path, splits: Sequence[str]) -> None:
        self.paths = {split: find(folder, split) for split in SPLITS}
        digest = hashlib.sha256()
        for split in splits:
            digest.update(f"{split} {hashlib.sha256(self.paths[split].read_bytes()).hexdigest()}\n".encode())
        self.stamp = digest.hexdigest()

    def pairs(self, split: str) -> Iterator[Pair]:
        """The pairs of a split. Raises UserError naming the file and the line that is no pair."""
        path = self.paths[split]
        opener = OPENERS.get(path.suffix, open)
        try:
            with opener(path, "rb") as file:
                for number, line in enumerate(file, 1):
                    yield parse(line, f"{path}, line {number}")
        except UNREADABLE as error:
            raise UserError(f"{path}: cannot be unpacked ({error})") from error


def find(folder: Path, split: str) -> Path:
    path = next((folder / (split + suffix) for suffix in SUFFIXES if (folder / (split + suffix)).is_file()), None)
    if path is None:
        what = f"has no {split}.tsv[.xz|.gz]" if folder.is_dir() else "no such folder"
        raise UserError(
            f"{folder}: {what}; dataset.folder lies below data_dir (GEM_DATA) and holds train, valid and test "
            f"as .tsv, .tsv.xz or .tsv.gz, with one pair a line: source, tab, target"
        )
    return path


def parse(line: bytes, where: str) -> Pair:
    """The pair on a line. Raises UserError whose message begins with ``where``."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8 (0x{line[error.start]:02x}); convert the file to UTF-8") from error
    sides = [side.strip() for side in text.split("\t")]
    if len(sides) != 2:
        found = "no tab" if len(sides) == 1 else f"{len(sides) - 1} tabs"
        raise UserError(f"{where}: {found}; must be a source and a target with one tab between")
    for name, side in zip(("source", "target"), sides, strict=True):
        if not side:
            raise UserError(f"{where}: its {name} is empty; remove the line")
    return Pair(*sides)


def splits_of(config: PairsDataset) -> Sequence[str]:
    """The splits that a run on ``config`` reads."""
    return HELD_OUT if config.holdout else SPLITS


def open_corpus(config: PairsDataset, data_dir: Path) -> Corpus:
    """The corpus of ``config``. Raises UserError naming the folder or file that is missing."""
    if config.source == "hub_pairs":
        from experiments.families.translation.data.hub import HubPairs

        return HubPairs(config)
    return PairFiles(data_dir / config.folder, splits_of(config))


def chosen_pairs(corpus: Corpus, split: str, max_words: int | None) -> Iterator[Pair]:
    """The pairs of ``split`` with at most ``max_words`` words on either side."""
    for pair in corpus.pairs(split):
        if max_words is None or all(len(side.split()) <= max_words for side in pair):
            yield pair
