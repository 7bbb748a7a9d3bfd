"""The page: its sentences follow from the runs, it fetches nothing, and it is well-formed."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from experiments.figures.forest import forest
from experiments.figures.style import save
from experiments.report import render
from experiments.report.verdicts import missing, sentences
from experiments.studies.cells import Cell
from experiments.studies.presets import Preset
from experiments.tables.table import Table, build
from tests.synthetic import record

NOISE = (-0.1, 0.0, 0.1)
VOID = {"meta", "path", "use", "br", "hr", "img", "link", "input", "rect", "line"}


class Checker(HTMLParser):
    """The text of a page and whatever is opened and not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        self.ids += [str(named["id"])] if "id" in named else []
        self.links += [str(named[key]) for key in ("src", "href", "xlink:href") if key in named]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture
def table(preset: Preset, cells: list[Cell]) -> Table:
    """ReLU two points better, GEM two worse, GoLU equal, one SE-GEM run diverged and one missing."""
    offsets = {"activation=relu": 2.0, "activation=gem": -2.0}
    records = [record(c, s, 90 + offsets.get(c.overrides, 0.0) + NOISE[s]) for c in cells for s in range(3)]
    segem = cells[-1]
    records = [r for r in records if not (r["run"] == segem.run and r["seed"] > 0)]
    records.append(record(segem, 1, 10.0, status="diverged"))
    known = [{"cell": "activation=gem", "difference": -0.5, "source": "a paper"}]
    return build(dataclasses.replace(preset, margin=0.7, published=known), cells, records)


def test_the_sentences_say_what_the_runs_show(table: Table) -> None:
    text = " ".join(sentences(table, []))
    assert "17 of 18 planned runs, 1 to 3 seeds a row: no result yet." in text
    assert "So far better than GELU: ReLU (+2.00 [+1.77, +2.23])." in text
    assert "So far worse than GELU: GEM (N=1) (−2.00 [−2.23, −1.77])." in text
    assert "So far equal to GELU within the margin: GoLU" in text
    assert "No test, for too few seeds or no spread: SE-GEM (N=1, ε=1e-4)." in text
    assert "Diverged: SE-GEM (N=1, ε=1e-4) (1 of 3 runs)." in text
    assert "GEM (N=1): published difference −0.50; the interval here, −2.23 to −1.77, excludes it." in text
    assert missing(table) == ["SE-GEM (N=1, ε=1e-4): 2 of 3 runs"]


def test_a_difference_within_the_margin_is_told_as_both(preset: Preset, cells: list[Cell]) -> None:
    records = [record(c, s, 90 - 0.5 * (c.overrides == "activation=gem") + NOISE[s]) for c in cells for s in range(3)]
    text = " ".join(sentences(build(dataclasses.replace(preset, margin=1.0), cells, records), []))
    assert "Shown to be worse than GELU: GEM (N=1) (−0.50 [−0.73, −0.27])." in text
    equal = text[text.index("Shown to be equal to GELU within the margin: ") :]
    assert "GEM (N=1) (−0.50 [−0.73, −0.27])" in equal


def test_nothing_to_tell_apart(preset: Preset, cells: list[Cell]) -> None:
    records = [record(c, s, 90 + NOISE[s]) for c in cells for s in range(3)]
    lines = sentences(build(preset, cells, records), [])
    assert lines[1].startswith("None of the 5 rows can be told apart from GELU; a difference below 0.31 points")
    assert sentences(build(preset, cells, []), []) == ["Not run yet."]


def test_the_page_is_whole_and_fetches_nothing(table: Table, preset: Preset, tmp_path: Path) -> None:
    save(forest(table), tmp_path / "figures" / "quickstart_forest")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "properties.md").write_text("# Properties\n\n| N | C |\n|---|---|\n| 1 | 2 |\n")
    claims = "# Claims\n\n| claim | table |\n|---|---|\n| a | `quickstart` |\n| b | `other` |\n"
    (tmp_path / "tables" / "claims.md").write_text(claims)
    unrun = [dataclasses.replace(preset, name="other", title="Another <study>", question="Is it?")]
    text = render([table], unrun, tmp_path)
    page = Checker()
    page.feed(text)
    assert page.wrong == []
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith(("#", "figures/", "tables/", "records/")) for link in page.links)
    assert not re.search(r"@import|<link|<img|url\((?!#)", text)
    assert "Another &lt;study&gt;" in text
    assert "<td>1</td>" in text
    assert '<a href="#properties">Properties</a>.' in text
    assert '<section id="properties"><h2>Properties</h2>' in text
    assert '<section id="claims"><h2>Claims</h2>' in text
    assert '<td><a href="#quickstart"><code>quickstart</code></a></td>' in text
    assert "<td><code>other</code></td>" in text  # has no section
    assert "forest-" in text
    assert "currentColor" in text
    assert render([table], unrun, tmp_path) == text
    twice = render([table, dataclasses.replace(table)], unrun, tmp_path)  # a run of two tables is one run
    assert f"comes from {len(table.runs)} recorded runs" in text
    assert f"comes from {len(table.runs)} recorded runs" in twice


def test_an_empty_report(tmp_path: Path, preset: Preset) -> None:
    assert "No run is on record yet" in render([], [preset], tmp_path)
