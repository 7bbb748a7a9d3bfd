"""Tables in LaTeX: no sign that LaTeX does not know, and pages as wide as their text with all footnotes."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from experiments.studies.cells import Cell
from experiments.studies.presets import Preset
from experiments.tables.latex import CITED, PREAMBLE, columns_of, escaped, line_count
from experiments.tables.render import latex, notes_of
from experiments.tables.table import build
from tests.experiments.zygote import ROOT
from tests.synthetic import record

TABLES = ROOT / "results" / "tables"
LONGEST = "golu_mlp"  # 320 rows over many pages
NEEDED = ("booktabs.sty", "longtable.sty", "array.sty")


def compiled(body: str, folder: Path) -> str:
    """What pdflatex says of a page of the article class. Skips where there is no pdflatex with these packages."""
    found = shutil.which("pdflatex") and all(
        subprocess.run(["kpsewhich", name], capture_output=True).stdout for name in NEEDED
    )
    if not found:
        pytest.skip("no pdflatex with booktabs (Debian: texlive-latex-recommended)")
    page = rf"\documentclass{{article}}{PREAMBLE}\begin{{document}}" + f"\n{body}\n" + r"\end{document}"
    (folder / "page.tex").write_text(page)
    line = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "page.tex"]
    made = subprocess.run(line, cwd=folder, capture_output=True, text=True, errors="replace")
    assert made.returncode == 0, made.stdout[-2000:]
    return made.stdout


@pytest.mark.parametrize("name", ["table_cifar10_jpeg", LONGEST])
def test_a_table_with_its_footnotes_is_no_wider_than_the_text(name: str, tmp_path: Path) -> None:
    body = (TABLES / f"{name}.tex").read_text()
    assert "SE-GEM is a reconstruction" in body.partition(r"\end{longtable}")[2]
    assert "Overfull" not in compiled(body, tmp_path)


def test_a_table_that_is_too_wide_would_be_found(tmp_path: Path) -> None:
    wide = re.sub(r"p\{0\.\d+", "p{0.4", (TABLES / "table_cifar10_jpeg.tex").read_text())
    assert "Overfull" in compiled(wide, tmp_path)


def test_the_notes_follow_the_table(preset: Preset, cells: list[Cell], tmp_path: Path) -> None:
    known = [{"cell": "activation=egem", "difference": -0.07, "source": "somewhere, α & β_1, 5 % ^ ~"}]
    records = [record(cell, seed, 90 + seed / 10) for cell in cells for seed in range(3)]
    table = build(dataclasses.replace(preset, margin=0.2, published=known), cells, records)
    body = latex(table)
    compiled(body, tmp_path)
    after = body.partition(r"\end{longtable}")[2]
    assert all(escaped(note) in after for note in notes_of(table))
    assert len(notes_of(table)) > 3


@pytest.mark.parametrize("path", sorted(TABLES.glob("*.tex")), ids=lambda path: path.stem)
def test_no_table_has_a_sign_that_latex_does_not_know(path: Path) -> None:
    assert path.read_text().isascii()


def test_the_works_that_a_table_names_are_listed() -> None:
    listed = re.findall(r"^@\w+\{(\w+),", (ROOT / "docs" / "references.bib").read_text(), re.MULTILINE)
    assert set(CITED.split(", ")) <= set(listed)
    assert len(listed) == len(set(listed))


def test_columns_share_the_width_and_the_longest_texts_break_first() -> None:
    rows = [["name", "1.0", "a verdict of many words " * 5], ["another", "2.0", "short"]]
    size, shares = columns_of(rows)
    assert size == r"\scriptsize"
    assert sum(shares) == pytest.approx(1)
    assert shares[2] > 0.6
    assert columns_of([["a", "b"]])[1][0] < 0.1  # as wide as its text, not as the page
    assert line_count("four words of text", 2.0) == 4
    assert line_count("83.24 ± 0.20", 0.1) == 1
