"""The page: its sentences follow from the runs, it fetches nothing, and it is well-formed."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from experiments.figures import preset_figures
from experiments.figures.forest import forest
from experiments.figures.style import save
from experiments.report import render
from experiments.report.svg import short_path
from experiments.report.verdicts import by_verdict, missing, sentences
from experiments.studies.cells import Cell
from experiments.studies.presets import Preset
from experiments.tables.recorded import recorded
from experiments.tables.table import Table, build
from tests.experiments.zygote import ROOT
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


def test_before_the_last_run_there_is_no_verdict(table: Table) -> None:
    text = " ".join(sentences(table, []))
    assert "17 of 18 planned runs, 1 to 3 seeds a row: no verdict yet." in text
    assert "Better" not in text
    assert "Diverged: SE-GEM (N=1, ε=1e-4) (1 of 2 runs)." in text
    assert missing(table) == ["SE-GEM (N=1, ε=1e-4): 2 of 3 runs"]


def test_the_sentences_say_what_the_runs_show(table: Table) -> None:
    last = record(table.rows[-1].cell, 2, 90.1)
    text = " ".join(sentences(build(table.preset, [row.cell for row in table.rows], [*table.runs, last]), []))
    assert "18 runs, 2 to 3 seeds a row." in text
    assert "Better than GELU: ReLU (+2.00 [" in text
    assert "Worse than GELU: GEM (N=1) (−2.00 [" in text
    assert "Equivalent to GELU within the margin: GoLU" in text
    assert "Diverged: SE-GEM (N=1, ε=1e-4) (1 of 3 runs)." in text
    assert "GEM (N=1): published difference −0.50; the interval here, −2.35 to −1.65, excludes it." in text


def test_a_difference_within_the_margin_is_told_as_both(preset: Preset, cells: list[Cell]) -> None:
    records = [record(c, s, 90 - 0.5 * (c.overrides == "activation=gem") + NOISE[s]) for c in cells for s in range(3)]
    text = " ".join(sentences(build(dataclasses.replace(preset, margin=1.5), cells, records), []))
    assert "Worse than GELU: GEM (N=1) (−0.50 [" in text
    equal = text[text.index("Equivalent to GELU within the margin: ") :]
    assert "GEM (N=1) (−0.50 [" in equal


def test_nothing_to_tell_apart(preset: Preset, cells: list[Cell]) -> None:
    records = [record(c, s, 90 + NOISE[s]) for c in cells for s in range(3)]
    lines = sentences(build(preset, cells, records), [])
    assert lines[1].startswith("Not significant beside GELU: ReLU; GoLU; GEM (N=1); ")
    assert lines[1].endswith(". Their least detectable differences: 0.63 points.")
    assert sentences(build(preset, cells, []), []) == ["Not run yet."]


def test_a_tuned_table_has_a_section_of_its_own(tmp_path: Path) -> None:
    """With its tuning, the chosen values in the rows, and its U-curves."""
    for name in ("tuned_gpt2_tiny.jsonl.gz", "tuning/tuned_gpt2_tiny.jsonl.gz"):
        (tmp_path / "records" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "records" / name).write_bytes((ROOT / "results" / "records" / name).read_bytes())
    table = recorded("tuned_gpt2_tiny", tmp_path)
    assert table
    drawn = dict(preset_figures(table))
    save(drawn["tuned_gpt2_tiny_tuning"], tmp_path / "figures" / "tuned_gpt2_tiny_tuning")
    text = render([table], [], tmp_path)
    assert '<section id="tuned_gpt2_tiny">' in text
    assert "<h3>Tuning</h3>" in text
    assert '<figure id="figure-tuned_gpt2_tiny_tuning">' in text
    assert text.count('<tr class="better">') == 4
    assert any(line.startswith("Better than GELU: ReLU (−0.0615 [") for line in sentences(table, []))


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
    assert '<a href="#properties">Properties</a>' in text
    assert '<section id="properties"><h2>Properties</h2>' in text
    assert '<section id="claims"><h2>Claims</h2>' in text
    assert '<td><a href="#quickstart"><code>quickstart</code></a></td>' in text
    assert "<td><code>other</code></td>" in text  # has no section
    assert 'id="figure-quickstart_forest"' in text
    assert "currentColor" in text
    assert render([table], unrun, tmp_path) == text
    twice = render([table, dataclasses.replace(table)], unrun, tmp_path)  # a run of two tables is one run
    assert f"<p>{len(table.runs)} recorded runs" in text
    assert f"<p>{len(table.runs)} recorded runs" in twice


def test_a_study_has_its_verdict_then_its_picture_then_its_table(table: Table, tmp_path: Path) -> None:
    for kind in ("forest", "curves"):
        save(forest(table), tmp_path / "figures" / f"quickstart_{kind}")
    text = render([table], [], tmp_path)
    own = text[text.index('<section id="quickstart">') :]
    parts = ('<ul class="verdict">', "figure-quickstart_forest", '<table class="sortable">', "figure-quickstart_curves")
    places = [own.index(part) for part in parts]
    assert places == sorted(places)
    assert text.index("Commit of these runs: ") > text.index('<section id="missing">')


def test_the_summary_names_a_few_and_counts_more(preset: Preset, cells: list[Cell]) -> None:
    offsets = {"activation=relu": 2.0, "activation=gem": -2.0}
    records = [record(c, s, 90 + offsets.get(c.overrides, 0.0) + NOISE[s]) for c in cells for s in range(3)]
    better, equivalent, unclear, worse, without = by_verdict(build(preset, cells, records).rows)
    assert (better, worse) == ("ReLU", "GEM (N=1)")
    assert (equivalent, unclear, without) == ("", "GoLU; E-GEM (N=1, ε=1e-4); SE-GEM (N=1, ε=1e-4)", "")
    assert by_verdict(build(preset, cells, records[:-1]).rows)[-1] == "5 rows"


def test_no_study_makes_the_page_heavy() -> None:
    """Below 3 MB: a drawing of 16 curves with their bands has less than a third of its file's bytes."""
    assert short_path("M 0 0 \nL 10.04 0 \nL 10.04 0.01 \nL 20 -5.25 \nz\n") == "M0 0l10 0 10-5.2z"
    assert short_path("M 0 1.5 \nC 0.397805 1.5 0.77937 1.341951 1 1 \n") == "M0 1.5c.4 0 .78-.16 1-.5"
    assert short_path("M 0 0 \nL 0 0.01") == "M0 0l0 0"  # a dot


def test_the_rounding_does_not_add_up() -> None:
    """A thousand steps of 0.04, none of which is a tenth, end where they should."""
    path = short_path("M 0 0 " + " ".join(f"L {0.04 * step:.2f} 0" for step in range(1, 1001)))
    assert sum(float(number) for number in re.findall(r"[\d.]+", path.partition("l")[2])[::2]) == pytest.approx(40)


def test_an_empty_report(tmp_path: Path, preset: Preset) -> None:
    assert "No run is on record yet" in render([], [preset], tmp_path)
