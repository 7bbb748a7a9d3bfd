"""Reads records from their files, and checks each. A fault is an error with file and line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from experiments.errors import UserError
from experiments.records.checks.agreement import Placed, disagreements
from experiments.records.checks.whole import record_faults
from experiments.records.file import SUFFIX, read_lines
from experiments.records.record import Record

RUN = re.compile(rb'"run"\s*:\s*"([0-9a-f]{64})"')


@dataclass(frozen=True)
class Line:
    """One unparsed line of a record file."""

    path: Path
    number: int
    data: bytes

    def run(self) -> str | None:
        """The hash of its run, as far as it can be read without parsing."""
        found = RUN.search(self.data)
        return found[1].decode() if found else None


def read_records(path: Path) -> dict[int, Record]:
    """The records of a file by line number. Raises UserError if one is invalid or two contradict each other."""
    return {each.line: each.record for each in checked_records(lines_of(path))}


def read_of_runs(path: Path, runs: Collection[str]) -> list[Record]:
    """The records of these runs in a file. Names all other records of the file on stderr. Raises UserError."""
    records = read_records(path)
    warn_of_others(path, records, runs)
    return [record for record in records.values() if record["run"] in runs]


def every_record(records_dir: Path) -> list[Record]:
    """The records of all experiments. Raises UserError."""
    lines = [line for path in sorted(records_dir.glob(f"*{SUFFIX}")) for line in lines_of(path)]
    return [each.record for each in checked_records(lines)]


def warn_of_others(path: Path, records: Mapping[int, Record], runs: Collection[str]) -> None:
    """Name on stderr the records of a file that belong to no cell of its table, for example after a preset changed."""
    for number, record in records.items():
        if record["run"] not in runs:
            what = f"its configuration is that of no cell (run {record['run'][:8]})"
            print(f"warning: {path}:{number}: left out: {what}", file=sys.stderr)


def record_files(records_dir: Path) -> list[Path]:
    """All record files, including those of tuning runs."""
    return sorted(records_dir.rglob(f"*{SUFFIX}"))


def lines_of(path: Path) -> list[Line]:
    """The lines of a file; none if it does not exist."""
    lines = read_lines(path).split(b"\n")
    return [Line(path, number, line) for number, line in enumerate(lines if lines[-1] else lines[:-1], 1)]


def checked_records(lines: Iterable[Line]) -> list[Placed]:
    """The records of the lines. Raises UserError unless every line is a valid record and all of them agree."""
    records, complaints = examine(lines)
    refuse(complaints)
    return records


def examine(lines: Iterable[Line]) -> tuple[list[Placed], list[str]]:
    """The valid records, and a message with file and line for each fault in a record or between records."""
    records, complaints = [], []
    for line in lines:
        try:
            record = parse(line.data)
            faults = record_faults(record, line.path)
        except ValueError as error:
            faults = [f"no JSON object in UTF-8: {error}"]
        if faults:
            complaints += [f"{line.path}:{line.number}: {fault}" for fault in faults]
        else:
            records.append(Placed(record, line.path, line.number))
    return records, [*complaints, *disagreements(records)]


def refuse(complaints: Sequence[str]) -> None:
    """Raise UserError if there are messages: the first one, and how many more there are."""
    if complaints:
        others = len(complaints) - 1
        more = f" (and {others} more; scripts/aggregate.py check=true lists all)" if others else ""
        raise UserError(complaints[0] + more)


def parse(data: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN, and no duplicate key. Raises ValueError."""
    return json.loads(data.decode(), object_pairs_hook=unique, parse_constant=no_number)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return found


def no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")
