"""A preset's table from its committed records alone."""

from __future__ import annotations

from pathlib import Path

from experiments.tables import records
from experiments.tables.cells import cells_of
from experiments.tables.presets import load
from experiments.tables.table import Table, build


def recorded(name: str, results: Path) -> Table | None:
    """The table of preset ``name`` from ``results``/records, None without records; what is unsound goes to stderr."""
    path = results / "records" / f"{name}.jsonl"
    if not path.exists():
        return None
    plan = load(name)
    cells = cells_of(plan)
    found = records.load(path, cells)
    return build(plan, cells, found) if found else None
