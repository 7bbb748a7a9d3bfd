"""The page: a section for each table and page of Markdown, and the other inputs of the template."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2
import markdown
from markupsafe import Markup

from experiments.report.drawings import Drawing, drawings
from experiments.report.svg import ShortNames
from experiments.report.verdicts import COLUMNS, by_verdict, missing, sentences
from experiments.studies.presets import Preset, map_name
from experiments.tables.over_tables import over_tables_notes
from experiments.tables.overall import overall_rows
from experiments.tables.pairs import PairBook
from experiments.tables.provenance import commits_of, training_hours
from experiments.tables.render import Block, blocks, notes_of, tuning_blocks
from experiments.tables.table import Table

TEMPLATE = Path(__file__).with_name("page.html")
PICTURES = ("settings", "forest")  # figures that show the verdict, besides the maps; all others are details
DETAILS = ("tuning", "curves", "landscape", "surface")  # not the mechanism: it was a third of the page


@dataclass(frozen=True)
class Page:
    """A page that belongs to no preset: derived properties, a benchmark. Markdown as HTML, without its title."""

    name: str
    title: str
    body: Markup


@dataclass(frozen=True)
class Section:
    """One preset with records.

    ``verdicts``: the rows in each column of the summary. ``classes``: the style of each row of the table ``main``.
    ``pictures`` show the verdict, ``details`` the training.
    """

    table: Table
    sentences: list[str]
    verdicts: list[str]
    blocks: list[Block]
    main: Block
    classes: list[str]
    notes: list[str]
    pictures: list[Drawing]
    details: list[Drawing]
    missing: list[str]


def render(tables: Sequence[Table], unrun: Sequence[Preset], results: Path) -> str:
    """The whole page. Reads the drawings in ``results``/figures and the pages in ``results``/tables."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    figures, short = results / "figures", ShortNames()
    book = PairBook(tables)
    sections = [section(table, figures, book, short) for table in tables]
    runs = {(r["run"], r["seed"]): r for table in tables for r in table.runs}  # several tables may share a run
    pages = [page(path) for path in sorted((results / "tables").glob("*.md")) if is_page(path, tables, unrun)]
    functions = drawings(figures, ("functions", "derivatives", "convergence"), short)
    over_tasks = drawings(figures, ("overview", "ranking"), short)
    return environment.from_string(TEMPLATE.read_text()).render(
        styles=Markup(short.css()),
        columns=COLUMNS,
        sections=sections,
        unrun=unrun,
        runs=len(runs),
        hours=training_hours(runs.values()),
        latest=max((r["provenance"]["started"][:10] for r in runs.values()), default=""),
        commits=commits_of(list(runs.values())),
        functions=functions,
        over_tasks=over_tasks,
        claims=next((linked(each, tables) for each in pages if each.name == "claims"), None),
        pages=[each for each in pages if each.name != "claims"],
    )


def section(table: Table, figures: Path, book: PairBook, short: ShortNames) -> Section:
    name = table.preset.name
    maps = [map_name(table.preset, axes) for axes in table.preset.maps]
    shown, settings = blocks(table), overall_rows(table)
    return Section(
        table=table,
        sentences=sentences(table, settings),
        verdicts=by_verdict(table.rows if table.study or not settings else settings),
        blocks=[*shown, *tuning_blocks(table)],
        main=next(block for block in shown if block.title in ("", "Setting by setting")),
        classes=["reference" if row.is_reference else "better" if row.bold else "row" for row in table.rows],
        notes=[*notes_of(table), *over_tables_notes(table, book)],
        pictures=drawings(figures, [*maps, *(f"{name}_{kind}" for kind in PICTURES)], short),
        details=drawings(figures, [f"{name}_{kind}" for kind in DETAILS], short),
        missing=missing(table),
    )


def is_page(path: Path, tables: Sequence[Table], unrun: Sequence[Preset]) -> bool:
    """Whether a Markdown file is no preset's table but claims, properties, repeats or benchmarks."""
    return path.stem not in {*(table.preset.name for table in tables), *(preset.name for preset in unrun)}


def page(path: Path) -> Page:
    """The page of a file, with its headings one level down. It is our own file, so it is not escaped."""
    title, _, rest = path.read_text().partition("\n")
    text = re.sub(r"^#", "##", rest, flags=re.MULTILINE)
    return Page(path.stem, title.lstrip("# "), Markup(markdown.markdown(text, extensions=["tables"])))


def linked(page: Page, tables: Sequence[Table]) -> Page:
    """The page with a link wherever it names a table that has a section."""
    names = "|".join(re.escape(table.preset.name) for table in tables)
    body = re.sub(rf"<code>({names})</code>", r'<a href="#\1"><code>\1</code></a>', str(page.body))
    return replace(page, body=Markup(body))
