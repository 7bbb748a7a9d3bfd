"""The records of trials in results/leaderboard: reading them, judging them again, and repeating one of their runs."""

from __future__ import annotations

import math
import random
import re
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments.config.compose import RECORDS, ROOT
from experiments.config.identity import run_path
from experiments.errors import UserError
from experiments.files import read_json
from experiments.studies.cells import make_cell, metric_of
from experiments.studies.presets import Preset
from experiments.studies.results import Results
from experiments.studies.tuned import tuning_metric
from experiments.trial.battery import TaskState, batteries, follow_task, tasks_of
from experiments.trial.candidate import Candidate, read_candidate
from experiments.trial.recorded import FORMAT, OWN, ROW_KEYS, circumstances
from experiments.trial.verdict import rows_of

FOLDER = ROOT / "results" / "leaderboard"
KEYS = {
    "format", "title", "overrides", "source", "files", "battery", "against", "fresh", "date", "commit", "device",
    "torch", "checks", "failing", "time_beside_gelu", "tasks",
}  # fmt: skip
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=-]*")
TARGET = "activation.target="
Entry = dict[str, Any]  # made by experiments.trial.recorded


def record_paths(folder: Path = FOLDER) -> list[Path]:
    return sorted(folder.glob("*.json"))


def read_entry(path: Path) -> Entry:
    """The record in a file. Raises UserError if it does not have the form that a trial writes."""
    try:
        entry: Entry = read_json(path)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(entry, dict) or set(entry) != KEYS or entry["format"] != FORMAT:
        raise UserError(f"{path}: must be a record of a trial in format {FORMAT}: copy the record.json of a trial")
    if not NAME.fullmatch(path.stem):
        raise UserError(f"{path}: its name must be of letters, digits and . _ = -")
    if entry["battery"] not in batteries():
        raise UserError(f"{path}: battery={entry['battery']}: must be one of {', '.join(batteries())}")
    return entry


@contextmanager
def candidate_of(entry: Entry, path: Path) -> Iterator[Candidate]:
    """The activation of a record, made from the source in it. Raises UserError."""
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        root = Path(folder).resolve()
        for name, text in entry["files"].items():
            place = (root / name).resolve()
            if not place.is_relative_to(root):
                raise UserError(f"{path}: files: {name}: must lie below the folder of the record")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        words = [word.replace(TARGET, f"{TARGET}{root}/", 1) for word in entry["overrides"].split()]
        for word in entry["overrides"].split():
            if word.startswith(TARGET) and word.removeprefix(TARGET).rpartition(":")[0] not in entry["files"]:
                raise UserError(f"{path}: overrides: {word}: its file must be one of files")
        candidate = read_candidate(words)
        if candidate.activation.get("source", "") != entry["source"]:
            raise UserError(f"{path}: files: is not the source of the trial: its digest is not {entry['source']}")
        yield candidate


def check_entry(path: Path) -> None:
    """Raise UserError unless the verdicts of a record follow from its results by the current rules."""
    entry = read_entry(path)
    with candidate_of(entry, path) as candidate:
        states = judge_anew(entry, candidate, path)
        for state in states:
            recorded, found = entry["tasks"][state.preset.name]["rows"], rows_of(state)
            if not same_rows(recorded, found):
                raise UserError(f"{path}: {state.preset.name}: its rows must follow from its runs: they are {found}")


def same_rows(recorded: Any, found: list[dict[str, Any]]) -> bool:
    """Whether rows are equal up to the rounding of libraries."""
    return len(recorded) == len(found) and all(
        set(row) == set(ROW_KEYS) and all(same(row[key], other[key]) for key in ROW_KEYS)
        for row, other in zip(recorded, found, strict=True)
    )


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return bool(one == other)


def judge_anew(entry: Entry, candidate: Candidate, path: Path) -> list[TaskState]:
    """Every task, from the runs of the record and the baselines of results/records. Raises UserError."""
    tasks = tasks_of(entry["battery"], candidate.overrides, entry["against"])
    names = [task.name for task in tasks]
    if names != list(entry["tasks"]):
        raise UserError(f"{path}: tasks: must be those of battery={entry['battery']}: {', '.join(names)}")
    results = Results(str(path.with_suffix("")), None if entry["fresh"] else RECORDS)  # a folder that does not exist
    states = []
    for preset in tasks:
        take_runs(preset, entry, candidate, results, path)
        state = follow_task(preset, results, len(tasks) * len(entry["against"]))
        if state.missing:
            cell, seed = state.missing[0]
            raise UserError(f"{path}: {preset.name}: {' '.join(cell.words)} seed={seed}: this result is missing")
        states.append(state)
    return states


def take_runs(preset: Preset, entry: Entry, candidate: Candidate, results: Results, path: Path) -> None:
    """Add the record's runs of ``preset`` to ``results``. Raises UserError for an impossible value."""
    for run in entry["tasks"][preset.name]["runs"]:
        overrides = candidate.overrides if run["activation"] == OWN else run["activation"]
        cell = make_cell(preset, overrides, (), run["with"].split())
        metric = tuning_metric(preset, [cell]) if run["stage"] == "tuning" else metric_of(preset, [cell])
        for seed, value in run["values"].items():
            if value is not None and (fault := metric.fault(value)):
                raise UserError(f"{path}: {preset.name}: {run['activation']} seed={seed}: {fault}")
            known = {"status": "diverged"} if value is None else {"status": "finished", metric.key: value}
            results.recorded[cell.run, int(seed)] = {"result": known}


def repeat_run(path: Path, draw: int) -> str:
    """Train one counted run of the newcomer again, and return the outcome in words. Raises UserError if it differs.

    On the same device with the same torch the value must be equal. Elsewhere it may differ as two seeds do, by 3·√2 of
    their standard deviation.
    """
    from experiments.runs.run import run_config

    entry = read_entry(path)
    chance = random.Random(draw)
    with candidate_of(entry, path) as candidate, tempfile.TemporaryDirectory(prefix="repeat-") as folder:
        presets = {preset.name: preset for preset in tasks_of(entry["battery"], candidate.overrides, entry["against"])}
        own = [
            (name, run)
            for name, task in entry["tasks"].items()
            for run in task["runs"]
            if (run["activation"], run["stage"]) == (OWN, "counted")
        ]
        if not own:
            raise UserError(f"{path}: none of its runs can be repeated: all are in results/records")
        name, run = chance.choice(own)
        seed = chance.choice(sorted(run["values"], key=int))
        cell = make_cell(presets[name], candidate.overrides, (), run["with"].split())
        metric = metric_of(presets[name], [cell])
        config = replace(cell.config, seed=int(seed), runs_dir=folder)
        run_config(config, "python scripts/leaderboard.py")
        found = read_json(run_path(config) / "metrics.json").get(metric.key)
    return compare_values(entry, f"{path}: {name} seed={seed}", run["values"], seed, found)


def compare_values(entry: Entry, title: str, values: Mapping[str, float | None], seed: str, found: float | None) -> str:
    """The comparison of ``found`` with the recorded value of ``seed``, in words. Raises UserError if it differs."""
    recorded = values[seed]
    if found == recorded:
        return f"{title}: {recorded}, the same"
    finished = [value for value in values.values() if value is not None]
    allowed = 0.0
    if any(entry[key] != value for key, value in circumstances().items()) and len(finished) > 1:
        allowed = 3 * math.sqrt(2) * statistics.stdev(finished)
    comparison = f"{title}: {found}, recorded {recorded}; allowed {allowed:.2g}"
    if found is None or recorded is None or abs(found - recorded) > allowed:
        raise UserError(comparison)
    return comparison
