"""Documents from files: every form, any length, and the words for what is wrong."""

from __future__ import annotations

import gzip
import lzma
import random
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.families.text.data import documents
from experiments.families.text.data.documents import Files, Piece

TEXTS = ["one", "zwei Äpfel", "三つ", "four"]


def read(folder: Path, skip: int = 0, validation: float = 0.0) -> list[Piece]:
    return list(Files(folder, validation).pieces(skip))


def test_files_are_read_in_order_in_every_form(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n  \n")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress("zwei Äpfel\r\n".encode()))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "d.tokens.xz").write_bytes(lzma.compress("三つ\nfour".encode()))
    (tmp_path / "ignored.md").write_text("five\n")
    pieces = read(tmp_path)
    assert [piece.text for piece in pieces] == TEXTS
    assert all(piece.last and piece.split == "train" for piece in pieces)
    assert [piece.text for piece in read(tmp_path, skip=2)] == TEXTS[2:]


@pytest.mark.parametrize("seed", range(60))
def test_a_long_line_comes_in_pieces_that_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Cut at any byte, also inside a character."""
    draw = random.Random(seed)
    monkeypatch.setattr(documents, "PIECE", draw.randint(4, 12))
    texts = ["".join(draw.choice("a é三😀.") for _ in range(draw.randint(1, 40))) + "x" for _ in range(4)]
    (tmp_path / "a.txt").write_bytes("\n".join(texts).encode() + b"\n" * draw.randint(0, 2))
    found: list[str] = [""]
    for part in read(tmp_path):
        found[-1] += part.text
        if part.last:
            found.append("")
    assert found == [*texts, ""]


def test_the_split_is_by_the_text_alone(tmp_path: Path) -> None:
    lines = [f"review number {number}" for number in range(2000)]
    for name, order in (("one", lines), ("other", lines[::-1])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("\n".join(order))
    one, other = (
        {piece.text for piece in read(tmp_path / name, validation=0.1) if piece.split == "validation"}
        for name in ("one", "other")
    )
    assert one == other
    assert 140 < len(one) < 260  # binomial, four standard deviations


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, ["holds no text file"]),
        ({"a.txt": b"fine\nbad \xff here\n"}, ["a.txt", "not UTF-8 at byte 9", "0xff"]),
        ({"a.txt.gz": b"no gzip"}, ["a.txt.gz", "cannot be unpacked"]),
        ({"a.txt.xz": lzma.compress(b"word\n" * 9999)[:-20]}, ["a.txt.xz", "cannot be unpacked"]),
    ],
)
def test_bad_files_are_named(tmp_path: Path, files: dict[str, bytes], words: list[str]) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError) as caught:
        read(tmp_path)
    assert all(word in str(caught.value) for word in words)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        read(tmp_path / "absent")
