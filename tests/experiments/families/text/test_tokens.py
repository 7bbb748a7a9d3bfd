"""Shards: reading returns what was written, also after an interruption; damaged and foreign files are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from experiments.errors import UserError
from experiments.families.text.data import prepare
from experiments.families.text.data.documents import Files
from experiments.families.text.data.prepare import prepare_tokens
from experiments.families.text.data.shards import map_shard, read_header, write_shard
from experiments.families.text.data.tokens import Blocks, Tokens
from experiments.families.text.example import write_corpus
from experiments.families.text.schema import TextDataset, Transformer

DATASET = TextDataset(name="reviews", title="reviews", source="text", folder="reviews", validation=0.1)
MODEL = Transformer(name="b", kind="bert", layers=1, heads=1, width=8, context=16, vocab_size=200)


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, str]:
    write_corpus(tmp_path / "data" / "reviews")
    return str(tmp_path / "data"), str(tmp_path / "cache")


def folder(cache: str) -> Path:
    (found,) = (path for path in Path(cache, "tokens").iterdir() if path.is_dir())
    return found


def content(tokens: Tokens) -> dict[str, list[Any]]:
    return {split: [shard.tolist() for shard in shards] for split, shards in tokens.shards.items()}


def test_every_document_is_there_once(places: tuple[str, str]) -> None:
    tokens = prepare_tokens(DATASET, MODEL, *places)
    corpus = Files(Path(places[0]) / "reviews", 0.1)
    expected: dict[str, list[str]] = {"train": [], "validation": []}
    for piece in corpus.pieces(0):
        expected[piece.split].append(piece.text)
    for split, texts in expected.items():
        stream = numpy.concatenate(tokens.shards[split]).tolist()
        documents: list[list[int]] = [[]]
        for token in stream:
            if token == tokens.tokenizer.end:
                documents.append([])
            else:
                documents[-1].append(token)
        assert documents.pop() == []
        assert [tokens.tokenizer.inner.decode(ids) for ids in documents] == texts
        assert tokens.counts[split].tolist() == numpy.bincount(stream, minlength=200).tolist()


def test_stopped_at_any_shard_it_continues_to_the_same_files(
    places: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "SHARD_TOKENS", 33_333)
    monkeypatch.setattr(prepare, "BATCH", 50_000)
    whole = prepare_tokens(DATASET, MODEL, *places)
    expected, count = content(whole), len(whole.shards["train"])
    assert count > 3
    for stop in range(1, count):
        for path in folder(places[1]).iterdir():
            path.unlink()
        written = iter(range(2 * count))

        def failing(*arguments: Any, stop: int = stop, written: Any = written) -> None:
            if next(written) == 2 * stop - 1:  # a validation shard is there, its training shard is not
                raise KeyboardInterrupt
            write_shard(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(prepare, "write_shard", failing)
            with pytest.raises(KeyboardInterrupt):
                prepare_tokens(DATASET, MODEL, *places)
        again = prepare_tokens(DATASET, MODEL, *places)
        assert content(again) == expected
        assert again.fingerprint == whole.fingerprint


def test_a_vocabulary_trained_anew_gives_the_same_tokens(places: tuple[str, str]) -> None:
    """On another machine, or with an empty cache; the trainer itself numbers characters at random."""
    data, cache = places
    first, again = (prepare_tokens(DATASET, MODEL, data, f"{cache}{number}") for number in (1, 2))
    assert first.tokenizer.hash == again.tokenizer.hash
    assert first.fingerprint == again.fingerprint
    assert first.tokenizer.encode(["the old film"]) == again.tokenizer.encode(["the old film"])


def test_a_finished_preparation_is_used_as_it_is(places: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_tokens(DATASET, MODEL, *places)
    monkeypatch.setattr(prepare, "tokenise", pytest.fail)
    prepare_tokens(DATASET, MODEL, *places)


def test_changed_text_is_prepared_anew(places: tuple[str, str]) -> None:
    before = prepare_tokens(DATASET, MODEL, *places)
    write_corpus(Path(places[0]) / "reviews", seed=1)
    assert prepare_tokens(DATASET, MODEL, *places).fingerprint != before.fingerprint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-2], ["bytes where"]),
        (lambda data: data[:700] + bytes([data[700] ^ 1]) + data[701:], ["its checksum differs"]),
        (lambda data: b"rubbish" + data[7:], ["not a file of tokens"]),
        (lambda data: data.replace(b'"tokenizer": "', b'"tokenizer": "0', 1)[: len(data)], ["another tokenizer"]),
    ],
)
def test_a_damaged_shard_is_named(places: tuple[str, str], change: Any, words: list[str]) -> None:
    prepare_tokens(DATASET, MODEL, *places)
    shard = folder(places[1]) / "train-00000.bin"
    data = shard.read_bytes()
    header, body = data[:512], data[512:]
    if words == ["another tokenizer"]:
        shard.write_bytes(change(header)[:511] + b"\n" + body)
    else:
        shard.write_bytes(change(data))
    with pytest.raises(UserError) as caught:
        prepare_tokens(DATASET, MODEL, *places)
    assert all(word in str(caught.value) for word in ["train-00000.bin", *words, "prepare_data.py again"])


def test_headers_say_what_is_inside(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    values = numpy.array([0, 1, 65535, 7], numpy.uint16)
    write_shard(path, values, "abc", 3)
    assert read_header(path) | {"crc32": 0} == {
        "format": "gem-tokens 1",
        "tokenizer": "abc",
        "tokens": 4,
        "documents": 3,
        "crc32": 0,
    }
    assert map_shard(path, "abc").tolist() == values.tolist()
    assert (tmp_path / "x.checked").exists()


@pytest.mark.parametrize(("text", "words"), [("", "holds no training document|no training document"), ("\n \n", "no")])
def test_an_empty_corpus_leaves_nothing_behind(tmp_path: Path, text: str, words: str, real_data: Path) -> None:
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "a.txt").write_text(text)
    (tmp_path / "gpt2").symlink_to(real_data / "gpt2")
    model = Transformer(name="g", kind="gpt2", layers=1, heads=1, width=8, context=16, vocab_size=200)
    with pytest.raises(UserError, match="no training document"):
        prepare_tokens(DATASET, model, str(tmp_path), str(tmp_path / "cache"))
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_too_few_kinds_of_tokens_for_the_vocabulary(places: tuple[str, str]) -> None:
    model = Transformer(name="b", kind="bert", layers=1, heads=1, width=8, context=16, vocab_size=30000)
    with pytest.raises(UserError, match=r"model.vocab_size=30000: this corpus yields only \d+ WordPiece tokens"):
        prepare_tokens(DATASET, model, *places)


def test_blocks_do_not_overlap_at_any_shift() -> None:
    shards = [numpy.arange(0, 50, dtype=numpy.uint16), numpy.arange(100, 135, dtype=numpy.uint16)]
    blocks = Blocks(shards, 10)
    assert len(blocks) == 4 + 2
    for shift in range(10):
        taken = blocks.take(torch.arange(6), shift)
        assert taken[:, 0].tolist() == [shift + start for start in (0, 10, 20, 30, 100, 110)]
        assert torch.equal(taken, taken[:, :1] + torch.arange(10))


def test_rare_tokens_share_the_last_id(real_data: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "reviews")
    (tmp_path / "gpt2").symlink_to(real_data / "gpt2")
    model = Transformer(name="g", kind="gpt2", layers=1, heads=1, width=8, context=16, vocab_size=32)
    tokens = prepare_tokens(DATASET, model, str(tmp_path), str(tmp_path / "cache"))
    assert tokens.tokenizer.size == 50257
    assert tokens.tokenizer.end == 50256
    table = tokens.vocabulary_map(32)
    assert table is not None
    ranked = tokens.counts["train"][[int((table == rank).nonzero()) for rank in range(31)]]
    assert (numpy.diff(ranked) <= 0).all()
    assert (table == 31).sum() == 50257 - 31
    assert tokens.counts["train"][table.numpy() == 31].max() <= ranked[-1]
    stream = table[torch.from_numpy(numpy.concatenate(tokens.shards["validation"]).astype(numpy.int64))]
    p = torch.bincount(stream).double() / len(stream)
    assert tokens.unigram_entropy("validation", table) == pytest.approx(float(-(p * p.log())[p > 0].sum()))
    assert tokens.vocabulary_map(50257) is None
