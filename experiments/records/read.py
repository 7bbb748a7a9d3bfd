"""The lines of a record file, checked: each must be the run that it says it is."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Collection
from pathlib import Path

from experiments.activations.resolve import typed_activation
from experiments.config.identity import hash_of, science_of
from experiments.config.resolve import typed_dataset, typed_model, typed_recipe
from experiments.errors import UserError
from experiments.families.registry import family_of_model
from experiments.records.record import FORMAT, Record


def read_records(path: Path) -> tuple[dict[int, Record], list[str]]:
    """The sound records of a file by line number, and a complaint, with file and line, for each other line."""
    records: dict[int, Record] = {}
    lines: dict[tuple[str, int], int] = {}
    complaints = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines() if path.exists() else [], 1):
        try:
            record = sound(json.loads(line))
            first = lines.setdefault((record["run"], record["seed"]), number)
            if first != number:
                raise ValueError(f"the same run and seed as line {first}")
            records[number] = record
        except (ValueError, KeyError, TypeError, AttributeError, UserError) as error:
            complaints.append(f"{path}:{number}: left out: {' '.join(str(error).split()) or type(error).__name__}")
    return records, complaints


def read_of_runs(path: Path, runs: Collection[str]) -> list[Record]:
    """The records of these runs in a file; whatever else it holds is named on stderr."""
    records, complaints = read_records(path)
    warn(complaints + complain_of_others(path, records, runs))
    return [record for record in records.values() if record["run"] in runs]


def every_record(records_dir: Path) -> list[Record]:
    """The sound records of all experiments."""
    return [record for path in sorted(records_dir.glob("*.jsonl")) for record in read_records(path)[0].values()]


def complain_of_others(path: Path, records: dict[int, Record], runs: Collection[str]) -> list[str]:
    return [
        f"{path}:{number}: left out: its configuration is that of no cell (run {record['run'][:8]})"
        for number, record in records.items()
        if record["run"] not in runs
    ]


def warn(complaints: list[str]) -> None:
    for complaint in complaints:
        print(f"warning: {complaint}", file=sys.stderr)


def sound(line: Record) -> Record:
    """``line``, after checking that its configuration has the hash it claims. Raises ValueError and others."""
    if line["format"] != FORMAT:
        raise ValueError(f"format {line['format']}, this version reads {FORMAT}")
    if recorded_hash(json.dumps(line["config"])) != line["run"]:
        raise ValueError(f"its configuration is not that of run {str(line['run'])[:8]}")
    if line["result"]["status"] not in ("finished", "diverged"):
        raise ValueError(f"status {line['result']['status']}")
    if type(line["seed"]) is not int:
        raise ValueError(f"seed {line['seed']!r}")
    return line


@functools.cache
def recorded_hash(config: str) -> str:
    """The run hash of a record's configuration, typed anew; computed once for all seeds.

    A stranger's activation is taken as it stands: its source need not be here.
    """
    groups = json.loads(config)
    family = family_of_model(groups["model"]["kind"])
    activation = groups["activation"]
    values = science_of(
        typed_dataset(family, groups["dataset"]),
        typed_model(family, groups["model"]),
        typed_recipe(family, groups["recipe"]),
        activation if "target" in activation else typed_activation(activation, {}),
    )
    return hash_of(values)
