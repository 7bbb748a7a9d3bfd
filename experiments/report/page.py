"""The page: sections from tables, pages of Markdown, drawings inlined so that they follow the reader's colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2
import markdown
from markupsafe import Markup, escape

from experiments.report.verdicts import missing, sentences
from experiments.studies.presets import Preset, map_name
from experiments.tables.over_tables import over_tables_notes
from experiments.tables.overall import overall_rows
from experiments.tables.pairs import PairBook
from experiments.tables.provenance import commits_of
from experiments.tables.render import Block, blocks, notes_of
from experiments.tables.table import Table

TEMPLATE = Path(__file__).with_name("page.html")
CAPTIONS = {
    "functions": "Value, gate and slope of the activations.",
    "derivatives": "Derivatives of GEM up to order 2N + 1, the first that jumps.",
    "convergence": "E-GEM's distance to ReLU as ε → 0: dots measured, lines derived.",
    "overview": "Each difference over the runs of all tables that have the pair; framed: it is significant "
    "(corrected); without colour: not all its runs have ended.",
    "ranking": "Average ranks over the data sets, with tuned values where a task has them; what a bar connects does "
    "not differ significantly (Nemenyi, 5 %).",
    "forest": "Difference to the reference with its corrected interval; filled: better or worse.",
    "tuning": "Held-out result at every value that was tried, before the counted runs; a dot marks the chosen one.",
    "curves": "Learning curves: mean over seeds, band from the lowest to the highest.",
    "mechanism": "What the activations do, on average over layers during training and layer by layer at its end.",
    "landscape": "Curvature of the training loss, weights, and outputs behind a random layer (scripts/landscape.py).",
    "surface": "Test loss (nats) around each network, along two random filter-normalised directions.",
}


@dataclass(frozen=True)
class Drawing:
    """An inline SVG with its caption and the names of its files."""

    name: str
    caption: str
    svg: Markup


@dataclass(frozen=True)
class Page:
    """A table that no preset makes: derived properties, a benchmark. Markdown as HTML, without its title."""

    name: str
    title: str
    body: Markup


@dataclass(frozen=True)
class Section:
    """One preset with records. ``classes``: how each row of the table ``main`` is shown."""

    table: Table
    sentences: list[str]
    blocks: list[Block]
    main: Block
    classes: list[str]
    notes: list[str]
    drawings: list[Drawing]
    missing: list[str]


def render(tables: Sequence[Table], unrun: Sequence[Preset], results: Path) -> str:
    """The whole page. Reads the drawings in ``results``/figures and the pages in ``results``/tables."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    figures = results / "figures"
    book = PairBook(tables)
    sections = [section(table, figures, book) for table in tables]
    runs = {(r["run"], r["seed"]): r for table in tables for r in table.runs}  # several tables may share a run
    pages = [page(path) for path in sorted((results / "tables").glob("*.md")) if is_page(path, tables, unrun)]
    return environment.from_string(TEMPLATE.read_text()).render(
        sections=sections,
        unrun=unrun,
        runs=len(runs),
        hours=sum(r["provenance"]["seconds"] for r in runs.values()) / 3600,
        latest=max((r["provenance"]["started"][:10] for r in runs.values()), default=""),
        commits=commits_of(list(runs.values())),
        functions=drawings(figures, ("functions", "derivatives", "convergence")),
        over_tasks=drawings(figures, ("overview", "ranking")),
        claims=next((linked(each, tables) for each in pages if each.name == "claims"), None),
        pages=[each for each in pages if each.name != "claims"],
    )


def section(table: Table, figures: Path, book: PairBook) -> Section:
    name = table.preset.name
    maps = [map_name(table.preset, axes) for axes in table.preset.maps]
    kinds = ("forest", "tuning", "curves", "mechanism", "landscape", "surface")
    shown = blocks(table)
    return Section(
        table=table,
        sentences=sentences(table, overall_rows(table)),
        blocks=shown,
        main=next(block for block in shown if block.title in ("", "Setting by setting")),
        classes=["reference" if row.is_reference else "better" if row.bold else "row" for row in table.rows],
        notes=[*notes_of(table), *over_tables_notes(table, book)],
        drawings=drawings(figures, [*maps, *(f"{name}_{kind}" for kind in kinds)]),
        missing=missing(table),
    )


def is_page(path: Path, tables: Sequence[Table], unrun: Sequence[Preset]) -> bool:
    """Whether a Markdown file is no preset's table: claims, properties, repeats and benchmarks."""
    return path.stem not in {*(table.preset.name for table in tables), *(preset.name for preset in unrun)}


def page(path: Path) -> Page:
    """Its headings go one level down; our own file, so it is not escaped."""
    title, _, rest = path.read_text().partition("\n")
    text = re.sub(r"^#", "##", rest, flags=re.MULTILINE)
    return Page(path.stem, title.lstrip("# "), Markup(markdown.markdown(text, extensions=["tables"])))


def linked(page: Page, tables: Sequence[Table]) -> Page:
    """With a link wherever it names a table that has a section."""
    names = "|".join(re.escape(table.preset.name) for table in tables)
    body = re.sub(rf"<code>({names})</code>", r'<a href="#\1"><code>\1</code></a>', str(page.body))
    return replace(page, body=Markup(body))


def drawings(figures: Path, names: Iterable[str]) -> list[Drawing]:
    found = []
    for name in names:
        path = figures / f"{name}.svg"
        if path.exists():
            kind = name if name in CAPTIONS else name.rpartition("_")[2]
            caption = CAPTIONS.get(kind, "The metric over what the preset varies, as difference or mean ± sd.")
            found.append(Drawing(name, caption, inline(path.read_text(), name, caption)))
    return found


def inline(svg: str, name: str, caption: str) -> Markup:
    """The drawing without prologue, ids made its own, as wide as its column, black in the colour of the text."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"(stroke|fill): #000000", r"\1: currentColor", svg)
    width = re.search(r'width="([\d.]+)pt"', svg)
    opening = f'<svg role="img" aria-label="{escape(caption)}" style="--w: {width[1] if width else 500}pt"'
    return Markup(opening + re.sub(r'\s(width|height)="[\d.]+pt"', "", svg[len("<svg") :], count=2))
