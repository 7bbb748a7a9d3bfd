"""Encodes sentence pairs once: BPE, encoded splits and test sentences, kept by content below ``cache_dir``."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from filelock import FileLock

from experiments.errors import UserError
from experiments.families.text.data.tokenizers import library
from experiments.families.translation.data.bpe import train_bpe
from experiments.families.translation.data.corpus import Corpus, Pair
from experiments.families.translation.data.encoded import EncodedPairs, Sentences
from experiments.families.translation.data.pairs import SPLITS, chosen_pairs, open_corpus, splits_of
from experiments.families.translation.schema import Marian, PairsDataset
from experiments.files import read_json, write_json

PAIRS_AT_ONCE = 50_000


@dataclass(frozen=True, eq=False)
class PreparedPairs:
    """The tokenizer, the encoded splits, and the test pairs as strings. ``fingerprint`` identifies all of it.

    With ``dataset.holdout`` there is only the split ``train``, so that tuning never reads the test pairs.
    """

    tokenizer: Any
    splits: dict[str, EncodedPairs]
    test: list[Pair]
    fingerprint: str


def prepare_pairs(config: PairsDataset, model: Marian, data_dir: str, cache_dir: str) -> PreparedPairs:
    """The pairs of ``config`` in the tokens of ``model``. Encodes them if that was not done.

    One process prepares, under a lock, while the others wait. Raises UserError for missing or wrong files.
    """
    corpus = open_corpus(config, Path(data_dir))
    chosen = " ".join(splits_of(config))
    content = hashlib.sha256(f"{corpus.stamp} {chosen} {config.max_words} {model.vocab_size}".encode()).hexdigest()[:16]
    folder = Path(cache_dir) / "pairs" / f"{config.folder.replace('/', '-')}-bpe{model.vocab_size}-{content}"
    lock = folder.with_name(folder.name + ".lock")
    created = [each for each in folder.parents if not each.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            return read_prepared(folder) or encode_corpus(corpus, config, model.vocab_size, folder)
    except OSError as error:
        raise UserError(f"cache_dir={cache_dir}: cannot write {error.filename or folder}: {error.strerror}") from error
    except UserError:
        with suppress(OSError):  # leave nothing behind, unless other processes work here
            lock.unlink(missing_ok=True)
            for each in created:
                each.rmdir()
        raise


def encode_corpus(corpus: Corpus, config: PairsDataset, size: int, folder: Path) -> PreparedPairs:
    """Train the BPE and encode every split. The folder appears when it is complete."""
    tokenizer = train_bpe(chosen_pairs(corpus, "train", config.max_words), size)
    splits = splits_of(config)
    test = list(chosen_pairs(corpus, "test", config.max_words)) if "test" in splits else []
    arrays: dict[str, Any] = {}
    for split in splits:
        encoded = encode_split(tokenizer, chosen_pairs(corpus, split, config.max_words))
        if not len(encoded):
            raise UserError(f"dataset={config.name}: no pair in {split} has at most {config.max_words} words")
        for side in ("source", "target"):
            sentences: Sentences = getattr(encoded, side)
            arrays |= {f"{split}_{side}_tokens": sentences.tokens, f"{split}_{side}_ends": sentences.ends}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".pairs-") as temporary:
        made = Path(temporary) / folder.name
        made.mkdir()
        tokenizer.save(str(made / "tokenizer.json"))
        write_json(made / "test.json", test)
        numpy.savez(made / "tokens.npz", **arrays)
        made.rename(folder)
    prepared = read_prepared(folder)
    assert prepared is not None
    return prepared


def encode_split(tokenizer: Any, pairs: Iterator[Pair]) -> EncodedPairs:
    sides: tuple[list[Sentences], list[Sentences]] = ([Sentences.of([])], [Sentences.of([])])
    while part := list(itertools.islice(pairs, PAIRS_AT_ONCE)):
        for texts, encoded in zip(zip(*part, strict=True), sides, strict=True):
            encoded.append(Sentences.of([each.ids for each in tokenizer.encode_batch(list(texts))]))
    return EncodedPairs(*(Sentences.joined(parts) for parts in sides))


def read_prepared(folder: Path) -> PreparedPairs | None:
    """The cached pairs, or None if there are none or a file is incomplete."""
    if not folder.exists():
        return None
    try:
        text = (folder / "tokenizer.json").read_text()
        test = [Pair(*sides) for sides in read_json(folder / "test.json")]
        with open(folder / "tokens.npz", "rb") as file, numpy.load(file) as stored:
            arrays = {name: stored[name] for name in stored.files}
        digest = hashlib.sha256(text.encode())
        for name in sorted(arrays):
            digest.update(name.encode() + arrays[name].tobytes())
        sides = {
            split: EncodedPairs(
                *(Sentences(arrays[f"{split}_{s}_tokens"], arrays[f"{split}_{s}_ends"]) for s in ("source", "target"))
            )
            for split in SPLITS
            if f"{split}_source_tokens" in arrays
        }
        return PreparedPairs(library().Tokenizer.from_str(text), sides, test, digest.hexdigest()[:16])
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        print(f"warning: {folder} is damaged ({error}); encoding the pairs again", file=sys.stderr)
        shutil.rmtree(folder)
        return None
