"""Sentences are short in README, docs and docstrings: at most 18 words on average, and none of more than 35."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = sorted({path.parent for name in ("gem", "experiments") for path in (ROOT / name).rglob("*.py")})
MEAN, LONGEST = 18, 35
EXAMPLE = re.compile(r"^ {2}.*$", re.MULTILINE)
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


def docstrings(source: str) -> str:
    """The docstrings of a file as paragraphs, without indented examples and with literals as on the pages."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return EXAMPLE.sub("", "\n\n".join(texts)).replace("``", "`")


def check_lengths(text: str) -> None:
    lengths = {sentence: words(sentence) for sentence in sentences(text)}
    assert not [sentence for sentence, length in lengths.items() if length > LONGEST]
    assert sum(lengths.values()) <= MEAN * len(lengths)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_are_short(page: Path) -> None:
    check_lengths(page.read_text())


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.relative_to(ROOT)))
def test_docstrings_are_short(package: Path) -> None:
    check_lengths("\n\n".join(docstrings(path.read_text()) for path in sorted(package.glob("*.py"))))


def test_the_readme_is_read_in_minutes() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 120
    assert 300 < sum(words(sentence) for sentence in sentences(text)) <= 900


def test_a_long_sentence_would_be_found() -> None:
    text = "# A heading\n\nOne [two](three.md) `four five`. Six\nseven.\n\n```\nno words\n```"
    text += "\n| a | table |\n\n- eight\n- nine"
    assert [words(sentence) for sentence in sentences(text)] == [3, 2, 1, 1]
    assert words(" ".join(["word"] * 36)) > LONGEST


def test_a_long_docstring_would_be_found() -> None:
    source = 'def f():\n    """``f(x, y)``: one\n    two.\n\n        an example\n    """\n\nclass C:\n    """Three."""'
    assert [words(sentence) for sentence in sentences(docstrings(source))] == [3, 1]
    with pytest.raises(AssertionError):
        check_lengths(docstrings(f'"""{"word " * 36}."""'))
