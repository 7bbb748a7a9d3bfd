"""A record file brought up to date with the finished runs, and with what other files have of the same runs."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path

from experiments.config.identity import run_path
from experiments.config.schema import Config
from experiments.files import write_atomic
from experiments.records.read import complain_of_others, read_records, warn
from experiments.records.record import Record, make_record

RUN = re.compile(r'"run": "([0-9a-f]{64})"')
Runs = Mapping[str, Config]  # by run hash, in the order of a table's rows


def refresh_records(name: str, runs: Runs, seeds: int, records_dir: Path, runs_dir: str) -> list[Record]:
    """Bring ``<name>.jsonl`` up to date with the finished ones of ``runs``; return the sound records of ``runs``.

    Once it has a run of its own, it also takes what other files have recorded of the same runs. A file with a
    damaged line is used as far as it is sound, but not rewritten; records of runs that are asked for no more stay in
    it: nobody's evidence is dropped.
    """
    path = records_dir / f"{name}.jsonl"
    known, complaints = read_records(path)
    warn(complaints + complain_of_others(path, known, runs))
    own, found = list(known.values()), collect_records(name, runs, seeds, runs_dir)
    lent = records_elsewhere(name, runs, seeds, records_dir) if own or found else []
    records = merge_records([*lent, *own], found, runs)
    if records and not complaints:
        write_records(path, records)
    return [record for record in records if record["run"] in runs]


def collect_records(name: str, runs: Runs, seeds: int, runs_dir: str) -> list[Record]:
    """A record of every finished or diverged one of ``runs`` below ``runs_dir``."""
    found = []
    for config in runs.values():
        for seed in range(seeds):
            directory = run_path(dataclasses.replace(config, seed=seed, runs_dir=runs_dir))
            if (directory / "metrics.json").exists():
                found.append(make_record(name, config, directory))
    return found


def records_elsewhere(name: str, runs: Runs, seeds: int, records_dir: Path) -> list[Record]:
    """What other files have recorded of ``runs``: a run counts for every table that asks for it."""
    return [
        record | {"experiment": name}
        for path in sorted(records_dir.glob("*.jsonl"))
        if path.stem != name and runs.keys() & set(RUN.findall(path.read_text()))
        for record in read_records(path)[0].values()
        if record["run"] in runs and record["seed"] < seeds
    ]


def merge_records(known: list[Record], found: list[Record], runs: Runs) -> list[Record]:
    """Found runs replace known records of the same run and seed; in the order of ``runs``, then by seed."""
    by_key = {(record["run"], record["seed"]): record for record in [*known, *found]}
    order = {run: index for index, run in enumerate(runs)}
    return sorted(by_key.values(), key=lambda r: (order.get(r["run"], len(order)), r["run"], r["seed"]))


def write_records(path: Path, records: list[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n" for record in records)
    if not path.exists() or path.read_text() != text:
        write_atomic(path, text.encode())
