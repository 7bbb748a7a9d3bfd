"""A preset's table from its committed records alone."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from experiments.records.file import record_path
from experiments.records.read import lines_of, read_of_runs
from experiments.studies.cells import cells_of
from experiments.studies.presets import load_preset, preset_names
from experiments.studies.results import Results
from experiments.studies.stages import follow_study
from experiments.tables.table import Table, build, build_staged


def recorded(name: str, results: Path) -> Table | None:
    """The table of preset ``name`` from ``results``/records, None without records. Invalid records go to stderr."""
    records_dir = results / "records"
    path = record_path(records_dir, name)
    if not path.exists():
        return None
    plan = load_preset(name)
    if plan.staged:
        study = follow_study(plan, Results(None, records_dir, only=name))
        found = read_of_runs(path, {cell.run for cell in study.cells}) if study.cells else []
        return build_staged(study, found) if found else None
    cells = cells_of(plan)
    found = read_of_runs(path, {cell.run for cell in cells})
    return build(plan, cells, found) if found else None


def tables_with(runs: Collection[str], results: Path) -> list[str]:
    """The presets whose record files have one of ``runs``."""
    wanted = set(runs)
    paths = {name: record_path(results / "records", name) for name in preset_names()}
    return [name for name, path in paths.items() if any(line.run() in wanted for line in lines_of(path))]
