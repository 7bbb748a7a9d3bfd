"""README and docs are short sentences: at most 18 words on average on each page, and none of more than 35."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MEAN, LONGEST = 18, 35
BLOCKS = re.compile(r"```.*?```|<!--.*?-->|^\s*\|.*?$|^#.*?$|</?[a-z][^>]*>", re.DOTALL | re.MULTILINE)


def sentences(text: str) -> list[str]:
    """Of the prose, without code, tables, headings and the targets of links. An item of a list begins a new one."""
    prose = BLOCKS.sub("\n\n", text)
    prose = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", prose)
    prose = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", prose)
    prose = re.sub(r"`[^`]*`", "code", prose)
    paragraphs = re.split(r"\n\s*\n|\n\s*(?:[-*]|\d+\.) ", "\n" + prose)
    found = (re.split(r"(?<=[.!?])[*_)”]*\s+", " ".join(paragraph.split())) for paragraph in paragraphs)
    return [sentence for part in found for sentence in part if words(sentence)]


def words(sentence: str) -> int:
    return sum(bool(re.search(r"[^\W_]", word)) for word in sentence.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_are_short(page: Path) -> None:
    lengths = {sentence: words(sentence) for sentence in sentences(page.read_text())}
    assert not [sentence for sentence, length in lengths.items() if length > LONGEST]
    assert sum(lengths.values()) <= MEAN * len(lengths)


def test_a_long_sentence_would_be_found() -> None:
    text = "# A heading\n\nOne [two](three.md) `four five`. Six\nseven.\n\n```\nno words\n```"
    text += "\n| a | table |\n\n- eight\n- nine"
    assert [words(sentence) for sentence in sentences(text)] == [3, 2, 1, 1]
    assert words(" ".join(["word"] * 36)) > LONGEST
