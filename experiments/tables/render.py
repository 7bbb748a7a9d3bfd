"""A table as Markdown and LaTeX, and the list of formats. Equal records give equal bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from experiments.markdown import pipe_table
from experiments.tables import staged
from experiments.tables.columns import OVERALL_NOTE, cells, headers, overall_cells, overall_headers, overall_title
from experiments.tables.crossfitted import (
    cross_fitted_cells,
    cross_fitted_headers,
    cross_fitted_note,
    cross_fitted_rows,
    cross_fitted_title,
)
from experiments.tables.csv_file import csv_text
from experiments.tables.latex import CITED, LATEX_BOLD, PREAMBLE, longtable, notes_below
from experiments.tables.notes import footnotes
from experiments.tables.overall import overall_rows
from experiments.tables.table import Table

PLAIN = ("", "")


@dataclass(frozen=True)
class Block:
    """One of the tables of a page, with its title and the text below it; both may be empty."""

    title: str
    headers: list[str]
    rows: list[list[str]]
    note: str = ""

    @property
    def markdown(self) -> str:
        return pipe_table(self.rows, self.headers)


def blocks(table: Table, bold: tuple[str, str] = PLAIN) -> list[Block]:
    """The activations over all settings, then at their own setting, then row by row. The title says which."""
    found = []
    settings = overall_rows(table) if len(table.preset.looks) <= 1 else []
    if settings:
        rows = [overall_cells(table, row, bold) for row in settings]
        found.append(Block(overall_title(settings), overall_headers(table), rows, OVERALL_NOTE))
    if fitted := cross_fitted_rows(table):
        rows = [cross_fitted_cells(table, row) for row in fitted]
        found.append(Block(cross_fitted_title(table), cross_fitted_headers(table), rows, cross_fitted_note(table)))
    title = "Setting by setting" if found else ""
    if table.study is not None:
        return [*found, Block(title, staged.headers(table), staged.texts(table, bold))]
    return [*found, Block(title, headers(table), [cells(table, row, bold) for row in table.rows])]


def tuning_blocks(table: Table, bold: tuple[str, str] = PLAIN) -> list[Block]:
    """The held-out result of every value that was tried, if the study tunes."""
    rows = staged.tuning_texts(table, bold) if table.study is not None else []
    return [Block("Tuning", staged.tuning_headers(table), rows, staged.tuning_title(table))] if rows else []


def notes_of(table: Table) -> list[str]:
    return staged.footnotes(table) if table.study is not None else footnotes(table)


def markdown(table: Table, more_notes: Sequence[str] = ()) -> str:
    """The table as Markdown. ``more_notes`` are footnotes on runs in other tables."""
    parts = [f"# {table.preset.title}"]
    notes = "\n".join(f"- {note}" for note in (*notes_of(table), *more_notes))
    bold = ("**", "**")
    for each in blocks(table, bold):
        parts += [f"## {each.title}"] if each.title else []
        parts += [each.markdown, *([each.note] if each.note else [])]
    below = [part for each in tuning_blocks(table, bold) for part in (f"## {each.title}", each.note, each.markdown)]
    return "\n\n".join([*parts, notes, *below]) + "\n"


def latex(table: Table, more_notes: Sequence[str] = ()) -> str:
    """A longtable with its footnotes below. With several settings: one over all settings, and one row by row."""
    parts = [f"% In the preamble: {PREAMBLE}", f"% Works: \\cite{{{CITED}}}, in docs/references.bib"]
    title, label = table.preset.title, table.preset.name
    for each in blocks(table, LATEX_BOLD):
        name = f"{title}. {each.title}" if each.title else title
        parts.append(longtable(each.rows, each.headers, name, label))
        label = ""
    return "\n".join([*parts, notes_below([*notes_of(table), *more_notes])]) + "\n"


def csv_of(table: Table, more_notes: Sequence[str] = ()) -> str:
    """The table as CSV, which has no footnotes."""
    return staged.csv_text(table) if table.study is not None else csv_text(table)


FORMATS: dict[str, Callable[[Table, Sequence[str]], str]] = {"md": markdown, "csv": csv_of, "tex": latex}
