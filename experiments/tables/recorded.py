"""A preset's table from its committed records alone."""

from __future__ import annotations

from pathlib import Path

from experiments.records.read import read_of_runs
from experiments.studies.cells import cells_of
from experiments.studies.presets import load_preset
from experiments.tables.table import Table, build


def recorded(name: str, results: Path) -> Table | None:
    """The table of preset ``name`` from ``results``/records, None without records; what is unsound goes to stderr."""
    path = results / "records" / f"{name}.jsonl"
    if not path.exists():
        return None
    plan = load_preset(name)
    cells = cells_of(plan)
    found = read_of_runs(path, {cell.run for cell in cells})
    return build(plan, cells, found) if found else None
