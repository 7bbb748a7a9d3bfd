"""The real ``datasets`` library, on a dataset that lies in a folder instead of on the hub."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.families.text.data.prepare import open_corpus
from experiments.families.text.schema import TextDataset

ROWS = ["first story", " ", "second story", "third story"]


def config(folder: Path) -> TextDataset:
    return TextDataset(name="stories", title="Stories", source="hub", folder=str(folder), validation=0.5)


def write(path: Path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    pytest.importorskip("datasets")


@pytest.mark.usefixtures("library")
@pytest.mark.filterwarnings("ignore")
def test_the_datasets_own_validation_split_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    write(folder / "train.jsonl", ROWS)
    write(folder / "validation.jsonl", ["held out"])
    pieces = list(open_corpus(config(folder), tmp_path).pieces(0))
    assert [(piece.text, piece.split) for piece in pieces] == [
        ("first story", "train"),
        ("second story", "train"),
        ("third story", "train"),
        ("held out", "validation"),
    ]
    assert [piece.text for piece in open_corpus(config(folder), tmp_path).pieces(2)] == ["third story", "held out"]


@pytest.mark.usefixtures("library")
@pytest.mark.filterwarnings("ignore")
def test_without_one_the_hash_decides(tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    write(folder / "train.jsonl", [f"story {number}" for number in range(40)])
    splits = [piece.split for piece in open_corpus(config(folder), tmp_path).pieces(0)]
    assert {"train", "validation"} == set(splits)


@pytest.mark.usefixtures("library")
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset=stories: .* cannot be downloaded from the hub .*or use dataset=text"):
        list(open_corpus(config(tmp_path / "absent"), tmp_path).pieces(0))


def test_without_the_library_its_name_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="pip install datasets"):
        list(open_corpus(config(tmp_path), tmp_path).pieces(0))
