"""Updates a record file with the finished runs, and with the records of the same runs in other files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from experiments.config.identity import run_path
from experiments.config.schema import Config
from experiments.records.checks.agreement import Placed, disagreements, missing_metric, outcome_difference, same_place
from experiments.records.checks.whole import record_faults
from experiments.records.file import SUFFIX, record_name, record_path, write_lines
from experiments.records.read import checked_records, lines_of, refuse, warn_of_others
from experiments.records.record import Record, make_record

Runs = Mapping[str, Config]  # by run hash, in the order of a table's rows


def refresh_records(
    name: str,
    runs: Runs,
    seeds: Collection[int],
    records_dir: Path,
    runs_dir: str,
    metric: str | None = None,
    lend: bool = True,
) -> list[Record]:
    """Update ``<name>.jsonl.gz`` with the finished ones of ``runs``; return the records of ``runs``.

    Once it has a run of its own, it also takes the records of the same runs from the files beside it. Records of runs
    that are no longer requested stay in it, so that no evidence is lost. ``metric``: the metric that every finished run
    must have. Without ``lend`` the files beside it are not read.
    Raises UserError, and writes nothing, if a record or a run is invalid, or two of them contradict each other.
    """
    path = record_path(records_dir, name)
    own = checked_records(lines_of(path))
    warn_of_others(path, {each.line: each.record for each in own}, runs)
    found = collect_runs(path, runs, seeds, runs_dir)
    lent = records_elsewhere(path, runs, seeds) if lend and (own or found) else []
    recorded = [*own, *lent]
    known = {each.key for each in own}
    every = [*own, *(run for run in found if run.key not in known), *lent]
    complaints = [*disagreements(every), *contradicting_runs(recorded, found)]
    if metric:
        complaints += missing_metric([each for each in every if each.record["run"] in runs], metric)
    refuse(complaints)
    records = merge_records(name, every, runs)
    if records:
        write_records(path, records)
    return [record for record in records if record["run"] in runs]


def collect_runs(path: Path, runs: Runs, seeds: Collection[int], runs_dir: str) -> list[Placed]:
    """A record for the file ``path`` of every finished or diverged one of ``runs`` below ``runs_dir``.

    Raises UserError.
    """
    found, complaints = [], []
    for config in runs.values():
        for seed in seeds:
            directory = run_path(dataclasses.replace(config, seed=seed, runs_dir=runs_dir))
            if (directory / "metrics.json").exists():
                record = json.loads(json.dumps(make_record(record_name(path), config, directory)))
                found.append(Placed(record, directory, 0))
                complaints += [f"{directory}: {fault}" for fault in record_faults(record, path)]
    refuse(complaints)
    return found


def contradicting_runs(recorded: Iterable[Placed], found: Iterable[Placed]) -> list[str]:
    """Runs on disk that differ from their records although commit, versions and device are equal.

    Neither of the two trainings is chosen silently. A training on another machine may differ by rounding.
    """
    known = {each.key: each for each in recorded}
    return [
        f"{run.place}: {key} differs from that of {known[run.key].place}, the same run and seed; "
        f"move the run away, or remove the line"
        for run in found
        if run.key in known
        and same_place(known[run.key].record, run.record)
        and (key := outcome_difference(known[run.key].record, run.record))
    ]


def records_elsewhere(path: Path, runs: Runs, seeds: Collection[int]) -> list[Placed]:
    """The records of ``runs`` in the files beside ``path``: a run counts for every table that requests it.

    Raises UserError.
    """
    others = [other for other in sorted(path.parent.glob(f"*{SUFFIX}")) if other != path]
    lines = [line for other in others for line in lines_of(other) if line.run() in runs]
    return [each for each in checked_records(lines) if each.record["run"] in runs and each.record["seed"] in seeds]


def merge_records(name: str, records: Iterable[Placed], runs: Runs) -> list[Record]:
    """Every run and seed once, for the table ``name``, in the order of ``runs``, then by seed."""
    first: dict[tuple[str, int], Record] = {}
    for each in records:
        first.setdefault(each.key, each.record | {"experiment": name})
    order = {run: index for index, run in enumerate(runs)}
    return sorted(first.values(), key=lambda r: (order.get(r["run"], len(order)), r["run"], r["seed"]))


def write_records(path: Path, records: list[Record]) -> None:
    text = "".join(json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n" for record in records)
    write_lines(path, text.encode())
