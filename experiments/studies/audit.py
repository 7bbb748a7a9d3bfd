"""Checks all records: each is valid, all agree, and the committed ones were planned before they were run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.config.compose import ROOT
from experiments.records.checks.agreement import Placed, missing_metric
from experiments.records.file import record_name
from experiments.records.read import examine, lines_of, record_files
from experiments.studies.history import History
from experiments.studies.preregistration import review_preset
from experiments.studies.presets import load_preset, preset_names


@dataclass(frozen=True)
class Audit:
    """``complaints``: each names file and line, or a preset. ``summary``: what was checked, in one or two sentences."""

    complaints: list[str]
    summary: str


def audit_records(records_dir: Path, root: Path = ROOT) -> Audit:
    """Check every record file below ``records_dir``; if git has its files, also the presets of their tables."""
    files = record_files(records_dir)
    records, complaints = examine(line for path in files for line in lines_of(path))
    tables: dict[str, list[Placed]] = {}
    for each in records:
        if each.path.parent == records_dir:
            tables.setdefault(record_name(each.path), []).append(each)
    for name in sorted(tables.keys() & set(preset_names())):
        complaints += missing_metric(tables[name], load_preset(name).metric)
    history = History(root)
    committed = {name: found for name, found in tables.items() if history.has(found[0].path)}
    summary = f"{len(records)} sound records in {len(files)} files."
    gap = history.gap() if committed else "no record here is committed"
    if gap:
        return Audit(complaints, f"{summary} The dates of the plans were not checked: {gap}.")
    faults, reviewed = review_tables(committed, history)
    return Audit([*complaints, *faults], f"{summary} The plans of {reviewed} tables were compared with their history.")


def review_tables(tables: dict[str, list[Placed]], history: History) -> tuple[list[str], int]:
    """What the presets of ``tables`` fail to state, and how many presets were checked."""
    found = [review_preset(name, (each.record for each in tables[name]), history) for name in sorted(tables)]
    reviews = [review for review in found if review]
    return [fault for review in reviews for fault in review.faults], len(reviews)
