"""Sentence pairs: every form of file, the words for what is wrong, the joint BPE, batches by length."""

from __future__ import annotations

import gzip
import json
import lzma
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy
import pytest

from experiments.errors import UserError
from experiments.families.translation.data import prepare
from experiments.families.translation.data.batches import BatchPlan
from experiments.families.translation.data.bpe import END, PAD, SPECIAL, decode, train_bpe
from experiments.families.translation.data.corpus import Pair
from experiments.families.translation.data.encoded import EncodedPairs, Sentences
from experiments.families.translation.data.pairs import SPLITS, PairFiles, chosen_pairs, open_corpus
from experiments.families.translation.data.prepare import prepare_pairs
from experiments.families.translation.example import write_pairs
from experiments.families.translation.schema import Marian, PairsDataset
from tests.experiments.results import tree
from tests.experiments.zygote import ROOT


def dataset(**values: Any) -> PairsDataset:
    return PairsDataset(**{"name": "films", "title": "Films", "source": "pairs", "folder": "films"} | values)


def model(**values: Any) -> Marian:
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "heads": 2, "width": 16, "hidden": 32, "context": 64}
    return Marian(**{"name": "m", "kind": "marian", "vocab_size": 300} | sizes | values)


def test_files_are_read_in_every_form(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("one\teins\n two \tzwei Äpfel\r\n")
    (tmp_path / "valid.tsv.xz").write_bytes(lzma.compress(b"three\tdrei"))
    (tmp_path / "test.tsv.gz").write_bytes(gzip.compress(b"four words are here\tvier\n"))
    corpus = PairFiles(tmp_path, SPLITS)
    assert list(corpus.pairs("train")) == [Pair("one", "eins"), Pair("two", "zwei Äpfel")]
    assert list(corpus.pairs("valid")) == [Pair("three", "drei")]
    assert list(chosen_pairs(corpus, "test", 4)) == [Pair("four words are here", "vier")]
    assert list(chosen_pairs(corpus, "test", 3)) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"no tab here", "line 2: no tab; must be a source and a target with one tab between"),
        (b"", "line 2: no tab"),
        (b"a\tb\tc", "line 2: 2 tabs"),
        (b"\tb", "line 2: its source is empty"),
        (b"a\t \t", "line 2: 2 tabs"),
        (b"a\t ", "line 2: its target is empty"),
        (b"a\tb\xff", "line 2: not UTF-8 (0xff)"),
    ],
)
@pytest.mark.parametrize("suffix", [".tsv", ".tsv.xz"])
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, words: str, suffix: str) -> None:
    folder = write_pairs(tmp_path / "data" / "films")
    data = b"good\tgut\n" + line + b"\nlast\tletzte\n"
    (folder / "train.tsv").unlink()
    (folder / f"train{suffix}").write_bytes(lzma.compress(data) if suffix.endswith("xz") else data)
    before = tree(tmp_path)
    with pytest.raises(UserError) as caught:
        prepare_pairs(dataset(), model(), str(tmp_path / "data"), str(tmp_path / "cache"))
    assert f"train{suffix}, {words}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tree(tmp_path) == before


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"films: no such folder; dataset.folder lies below data_dir"):
        open_corpus(dataset(), tmp_path)
    write_pairs(tmp_path / "films")
    (tmp_path / "films" / "valid.tsv").unlink()
    with pytest.raises(UserError, match=r"films: has no valid.tsv\[.xz|.gz\]"):
        open_corpus(dataset(), tmp_path)
    (tmp_path / "films" / "valid.tsv.xz").write_bytes(lzma.compress(b"a\tb\n" * 999)[:-20])
    with pytest.raises(UserError, match=r"valid.tsv.xz: cannot be unpacked"):
        list(open_corpus(dataset(), tmp_path).pairs("valid"))


def test_too_much_is_asked_of_the_pairs(tmp_path: Path) -> None:
    write_pairs(tmp_path / "films")
    places = (str(tmp_path), str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"model.vocab_size=5000: these pairs yield only \d+ tokens"):
        prepare_pairs(dataset(), model(vocab_size=5000), *places)
    with pytest.raises(UserError, match="dataset=films: no pair in train has at most 1 words"):
        prepare_pairs(dataset(max_words=1), model(vocab_size=258), *places)


def test_the_bpe_writes_any_text_and_reads_it_back() -> None:
    pairs = [Pair("the old film", "der alte Film"), Pair("a young film", "ein junger Film")] * 20
    tokenizer = train_bpe(pairs, 280)
    assert tokenizer.get_vocab_size() == 280
    assert [tokenizer.id_to_token(token) for token in (PAD, END)] == SPECIAL
    for text in ("der alte Film", "Öl, 100 % & 東京 😀", "%s-Datei „öffnen“"):
        ids = tokenizer.encode(text).ids
        assert ids[-1] == END
        assert decode(tokenizer, [[*ids, PAD, 7], ids[:-1]]) == [text, text]
    assert len(tokenizer.encode("der alte Film").ids) < 10


CODE = """
import hashlib, random
from experiments.families.translation.data.bpe import train_bpe
from experiments.families.translation.example import sentence
from experiments.families.translation.data.pairs import Pair
draw = random.Random(0)
pairs = [Pair(*sentence(draw)) for _ in range(500)]
print(hashlib.sha256(train_bpe(pairs, 330).to_str().encode()).hexdigest())
"""


def test_every_process_trains_the_same_bpe() -> None:
    def train() -> str:
        return subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert len({train() for _ in range(3)}) == 1


def test_a_run_on_held_out_pairs_reads_neither_test_nor_validation(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "films")
    places = (str(tmp_path), str(tmp_path / "cache"))
    for split in ("valid", "test"):
        (folder / f"{split}.tsv").write_text("no tab\n")
    prepared = prepare_pairs(dataset(holdout=20), model(), *places)
    assert list(prepared.splits) == ["train"]
    assert prepared.test == []
    with pytest.raises(UserError, match=r"(valid|test)\.tsv, line 1: no tab"):
        prepare_pairs(dataset(), model(), *places)


def test_pairs_are_encoded_once_and_again_where_the_files_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_pairs(tmp_path / "films")
    places = (str(tmp_path), str(tmp_path / "cache"))
    first = prepare_pairs(dataset(), model(), *places)
    made: list[int] = []
    encode = prepare.encode_corpus
    monkeypatch.setattr(prepare, "encode_corpus", lambda *given: made.append(1) or encode(*given))
    assert prepare_pairs(dataset(), model(), *places).fingerprint == first.fingerprint
    assert not made
    (tokens,) = (tmp_path / "cache").rglob("tokens.npz")
    tokens.write_bytes(tokens.read_bytes()[:-100])
    assert prepare_pairs(dataset(), model(), *places).fingerprint == first.fingerprint
    assert "is damaged" in capsys.readouterr().err
    assert made == [1]
    (folder / "test.tsv").write_text("a new one\tein neues\n")
    other = prepare_pairs(dataset(), model(), *places)
    assert made == [1, 1]
    assert other.test == [Pair("a new one", "ein neues")]
    assert other.fingerprint != first.fingerprint
    assert prepare_pairs(dataset(max_words=5), model(), *places).fingerprint != other.fingerprint


def test_sentences_are_kept_flat_and_padded_where_they_are_used() -> None:
    rows = [[5, 6, 1], [7, 1], [8, 9, 10, 1]]
    sentences = Sentences.joined([Sentences.of(rows[:2]), Sentences.of([]), Sentences.of(rows[2:])])
    assert sentences.lengths.tolist() == [3, 2, 4]
    assert sentences.lengths_of(numpy.array([2, 0])).tolist() == [4, 3]
    assert sentences.padded(numpy.array([1, 2])).tolist() == [[7, 1, PAD, PAD], [8, 9, 10, 1]]
    assert sentences.first(2).padded(numpy.array([0])).tolist() == [[5, 6, 1]]


def random_pairs(count: int) -> EncodedPairs:
    draw = numpy.random.default_rng(0)
    sides = [[[2] * length for length in draw.integers(1, 20, count)] for _ in range(2)]
    return EncodedPairs(*(Sentences.of(side) for side in sides))


def test_batches_are_cut_by_tokens_and_every_epoch_has_every_pair_once() -> None:
    pairs = random_pairs(500)
    plan = BatchPlan(pairs, 120)
    shapes = []
    for epoch in (0, 1):
        batches = plan.epoch(0, epoch)
        assert len(batches) == len(plan)
        assert sorted(numpy.concatenate(batches).tolist()) == list(range(500))
        for index in batches:
            longest = max(pairs.source.lengths[index].max(), pairs.target.lengths[index].max())
            assert len(index) * longest <= 120
        shapes.append(Counter((len(i), pairs.target.lengths[i].max(), pairs.source.lengths[i].max()) for i in batches))
    assert shapes[0] == shapes[1]
    orders = [numpy.concatenate(plan.epoch(*place)).tolist() for place in ((0, 0), (0, 1), (1, 0))]
    assert len({json.dumps(order) for order in orders}) == 3
    assert numpy.concatenate(plan.epoch(0, 0)).tolist() == orders[0]
    filled = sum(pairs.target.lengths[i].sum() for i in plan.in_order())
    padded = sum(len(i) * pairs.target.lengths[i].max() for i in plan.in_order())
    assert filled / padded > 0.95
    with pytest.raises(UserError, match=r"recipe.tokens_per_step=18: must be at least 19"):
        BatchPlan(pairs, 18)
