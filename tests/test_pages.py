"""The pages for readers: every link leads to an existing file, and to an existing heading in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "results" / "LOG.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def links(text: str) -> list[str]:
    """Those within the repository."""
    found = (markdown or html for markdown, html in LINK.findall(text))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub makes them: lower case, punctuation dropped, spaces as hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page.read_text()):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_a_broken_link_would_be_found() -> None:
    assert links('[a](b.md#c) and <img src="d.png"> not [e](https://example.org)') == ["b.md#c", "d.png"]
    assert "tiny-gpt-2" in anchors(ROOT / "docs" / "findings_rates.md")
    assert "digits-an-mlp" in anchors(ROOT / "docs" / "findings_rates.md")


@pytest.mark.parametrize("group", ["dataset", "model", "recipe"])
def test_every_choice_of_a_configuration_is_on_a_page(group: str) -> None:
    told = "".join(page.read_text() for page in PAGES if page.name != "LOG.md")
    choices = [path.stem for path in (ROOT / "configs" / group).glob("*.yaml")]
    assert choices
    assert not [name for name in choices if not re.search(rf"[`=]{name}\b", told)]


def test_the_page_of_reproductions_names_every_table_of_the_papers_and_what_is_recorded() -> None:
    text = (ROOT / "docs" / "reproduce.md").read_text()
    rows = dict(re.findall(r"\[(\w+)\]\(\.\./configs/experiment/\w+\.yaml\) \| [^|]+ \| ([^|]+) \|", text))
    published = {
        path.stem for path in (ROOT / "configs" / "experiment").glob("*.yaml") if "\n  published:\n" in path.read_text()
    }
    assert published <= set(rows)
    for name, status in rows.items():
        recorded = (ROOT / "results" / "records" / f"{name}.jsonl.gz").exists()
        assert status == (f"[recorded](../results/tables/{name}.md)" if recorded else "none yet"), name


def test_the_readme_counts_the_verdicts_of_the_table() -> None:
    start = (ROOT / "results" / "tables" / "tuned.md").read_text().splitlines()[2]
    counts = re.match(
        r"(\d+) comparisons in \d+ studies: (\d+) better, (\d+) equivalent, \d+ not .*?, (\d+) worse", start
    )
    assert counts
    all_of_them, better, equivalent, worse = counts.groups()
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert f"Of {all_of_them} comparisons with [tuned rates]" in readme
    assert f"{better} are better than GELU, {worse} worse, {equivalent} equivalent." in readme
