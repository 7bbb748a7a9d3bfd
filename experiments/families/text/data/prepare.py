"""Tokenises a corpus once, with bounded memory. It can be stopped at any moment and continued."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
from filelock import FileLock
from tqdm import tqdm

from experiments.errors import UserError
from experiments.families.text.data.documents import Corpus, Files, Piece
from experiments.families.text.data.hub import HubCorpus
from experiments.families.text.data.shards import map_shard, read_header, write_shard
from experiments.families.text.data.tokenizers import Tokenizer, gpt2, wordpiece
from experiments.families.text.data.tokens import Tokens
from experiments.families.text.schema import TextDataset, Transformer
from experiments.files import write_json

SHARD_TOKENS = 1 << 24  # of the training split: 32 MiB per file
BATCH = 1 << 21  # characters tokenised at once
SPLITS = ("train", "validation")


def open_corpus(config: TextDataset, data_dir: Path) -> Corpus:
    """The corpus of ``config``. Raises UserError naming the folder that is missing or empty."""
    if config.source == "hub":
        return HubCorpus(config)
    return Files(data_dir / config.folder, config.validation)


def prepare_tokens(config: TextDataset, model: Transformer, data_dir: str, cache_dir: str) -> Tokens:
    """The tokens of ``config`` under the tokenizer of ``model``. Tokenises the corpus if that was not done.

    One process prepares, under a lock, while the others wait. Raises UserError for missing or damaged files.
    """
    corpus = open_corpus(config, Path(data_dir))
    name = config.folder.replace("/", "-")
    if model.kind == "gpt2":
        tokenizer = gpt2(Path(data_dir))
    else:
        vocabulary = Path(cache_dir) / "tokens" / f"{name}-wordpiece{model.vocab_size}-{corpus.stamp}.json"
        tokenizer = wordpiece(corpus, model.vocab_size, vocabulary)
    folder = Path(cache_dir) / "tokens" / f"{name}-{tokenizer.name}-{tokenizer.hash[:8]}-{corpus.stamp}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock")):
            if not (folder / "index.json").exists():
                tokenise(corpus, tokenizer, folder)
            return Tokens(folder, tokenizer)
    except OSError as error:
        raise UserError(f"cache_dir={cache_dir}: cannot write {error.filename or folder}: {error.strerror}") from error


def tokenise(corpus: Corpus, tokenizer: Tokenizer, folder: Path) -> None:
    """Write ``train-00000.bin``, ``validation-00000.bin`` and so on, then ``index.json``.

    A pair of shards holds the documents after those of the pair before. The training shard is written last. So a pair
    with a training shard is complete, and a restart begins after it.
    """
    done = sorted(folder.glob("train-*.bin"))
    documents = read_header(done[-1])["documents"] if done else 0
    number = len(done)
    buffers: dict[str, list[numpy.ndarray]] = {split: [] for split in SPLITS}

    def flush() -> None:
        nonlocal number
        for split in reversed(SPLITS):
            tokens = numpy.concatenate([numpy.zeros(0, numpy.uint16), *buffers[split]])
            write_shard(folder / f"{split}-{number:05d}.bin", tokens, tokenizer.hash, documents)
            buffers[split].clear()
        number += 1

    with tqdm(
        desc=f"tokenising {folder.name}", unit=" documents", unit_scale=True, initial=documents, **quiet()
    ) as bar:
        held = 0
        for batch in batches(corpus.pieces(documents)):
            for piece, ids in zip(batch, tokenizer.encode([piece.text for piece in batch]), strict=True):
                tokens = numpy.array([*ids, tokenizer.end] if piece.last else ids, numpy.uint16)
                buffers[piece.split].append(tokens)
                held += len(tokens)
                documents += piece.last
                if held >= SHARD_TOKENS and piece.last:
                    flush()
                    held = 0
            bar.update(documents - bar.n)
    if held or not number:
        flush()
    shards = {split: [f"{split}-{index:05d}.bin" for index in range(number)] for split in SPLITS}
    headers = {name: read_header(folder / name) for split in SPLITS for name in shards[split]}
    index: dict[str, Any] = {"tokenizer": tokenizer.hash, "documents": documents, "shards": shards}
    index["crc32"] = {name: header["crc32"] for name, header in headers.items()}
    index["tokens"] = {split: sum(headers[name]["tokens"] for name in shards[split]) for split in SPLITS}
    index["counts"] = {split: counts(folder, shards[split], tokenizer) for split in SPLITS}
    if not index["tokens"]["train"]:
        for path in folder.glob("*"):
            path.unlink()
        folder.rmdir()
        raise UserError(f"{folder.name}: the corpus has no training document")
    write_json(folder / "index.json", index)


def counts(folder: Path, names: list[str], tokenizer: Tokenizer) -> list[int]:
    """The number of occurrences of each token."""
    total = numpy.zeros(tokenizer.size, numpy.int64)
    for name in names:
        total += numpy.bincount(map_shard(folder / name, tokenizer.hash), minlength=tokenizer.size)
    return [int(count) for count in total]


def batches(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    batch: list[Piece] = []
    length = 0
    for piece in pieces:
        batch.append(piece)
        length += len(piece.text)
        if length >= BATCH:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def quiet() -> dict[str, Any]:
    return {"disable": not sys.stderr.isatty(), "leave": False}
