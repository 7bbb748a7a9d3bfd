"""Footnotes on the seeds that raised a table's question: which they are, and the differences if they are included."""

from __future__ import annotations

import dataclasses

from experiments.studies.naming import shortened, with_interval
from experiments.tables.provenance import commits_of
from experiments.tables.table import Table, build


def explored_notes(table: Table) -> list[str]:
    """The seeds that the table leaves out, their commits, and the differences with them if all of them have run."""
    preset = table.preset
    if not preset.explored:
        return []
    last = preset.explored - 1
    seeds, are = (f"Seeds 0 to {last}", "are") if last else ("Seed 0", "is")
    if not table.explored:
        return [f"{seeds} {are} not in this table, by plan."]
    commits = ", ".join(commits_of(table.explored))
    text = f"{seeds}, which raised the question (commit {commits}), {are} not in this table"
    every = with_explored(table)
    if every is None:
        return [text + "."]
    differences = [
        f"{row.title} {with_interval(row.difference, *row.interval, every.digits)}"
        for row in every.rows
        if not row.is_reference
    ]
    return [f"{text}; over all {preset.seeds}: {shortened(differences)}."]


def with_explored(table: Table) -> Table | None:
    """The table including the seeds that raised its question; None if some of them are missing."""
    plan = dataclasses.replace(table.preset, explored=0)
    every = build(plan, [row.cell for row in table.rows], [*table.explored, *table.runs])
    return None if every.left else every
