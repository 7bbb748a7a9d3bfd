"""The page of an examination, from its JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.gpu.parts import Part
from experiments.markdown import pipe_table


def page_text(report: Mapping[str, Any], parts: Sequence[Part]) -> str:
    """The page as Markdown, complete at any moment. A part without rows shows its state."""
    head = f"Begun {report['begun']}, {report['minutes']:g} minutes at most. `python scripts/gpu.py` wrote this page."
    sections = [f"# Examination of a device ({report['device']})", head]
    for part in parts:
        own = report["parts"][part.module]
        sections.append(f"## {part.title}")
        sections += [part.note] if part.note else []
        if own["rows"]:
            sections.append(table(part, own["rows"]))
        said = f"State: {own['state']}, after {own['seconds']:g} s."
        sections.append(f"{said} {own['note']}" if own["note"] else said)
    return "\n\n".join(sections) + "\n"


def table(part: Part, rows: Sequence[Mapping[str, Any]]) -> str:
    cells = [[word(row.get(key)) for key in part.columns] for row in rows]
    return pipe_table(cells, list(part.columns.values()))


def word(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
