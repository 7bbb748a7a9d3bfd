"""Looks up the results of the runs that a study requests: finished runs on disk, and records."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from experiments.config.identity import run_path
from experiments.config.schema import Config
from experiments.files import read_json
from experiments.records.file import record_name
from experiments.records.read import Line, checked_records, lines_of, record_files
from experiments.records.record import Record, read_outcome

Result = Mapping[str, Any]  # from metrics.json or from a record: status and metrics


class Results:
    """Results by configuration and seed. Records are read once; runs on disk are read at every request.

    ``only``: the preset whose own record files are read; by default all files. Without ``runs_dir`` only records count.
    """

    def __init__(self, runs_dir: str | None, records_dir: Path | None = None, only: str | None = None) -> None:
        self.runs_dir, self.records_dir, self.only = runs_dir, records_dir, only
        self.recorded: dict[tuple[str, int], Record] = {}
        self.searched: set[str] = set()

    def find(self, run: str, config: Config, seed: int) -> Result | None:
        """The result of a finished or diverged run; None for a run that is not trained yet."""
        if self.on_disk(config, seed):
            found: Result = read_json(self.path(config, seed))
            return found
        record = self.recorded.get((run, seed))
        return record["result"] if record else None

    def record(self, run: str, config: Config, seed: int) -> Record | None:
        """Result and provenance of a finished or diverged run; None for a run that is not trained yet."""
        if self.on_disk(config, seed):
            return read_outcome(self.path(config, seed).parent, ())
        return self.recorded.get((run, seed))

    def on_disk(self, config: Config, seed: int) -> bool:
        return self.runs_dir is not None and self.path(config, seed).exists()

    def path(self, config: Config, seed: int) -> Path:
        assert self.runs_dir is not None
        return run_path(dataclasses.replace(config, seed=seed, runs_dir=self.runs_dir)) / "metrics.json"

    def read_records(self, runs: Iterable[str]) -> None:
        """Add the records of these runs, from the files of all tables.

        Raises UserError if a record is invalid, or two contradict each other.
        """
        wanted = set(runs) - self.searched
        self.searched |= wanted
        if self.records_dir is None:
            return
        lines = recorded_lines(self.records_dir, self.only)
        for each in checked_records(line for run in sorted(wanted) for line in lines.get(run, ())):
            self.recorded[each.key] = each.record


@functools.lru_cache(maxsize=4)
def recorded_lines(records_dir: Path, only: str | None = None) -> Mapping[str, list[Line]]:
    """The unparsed lines of all record files by run hash, read once."""
    found: dict[str, list[Line]] = {}
    for path in record_files(records_dir):
        if only not in (None, record_name(path)):
            continue
        for line in lines_of(path):
            found.setdefault(line.run() or "", []).append(line)
    return found


def value_of(result: Result | None, metric: str) -> float | None:
    """The metric of a finished run; None for a run that diverged or is missing."""
    return None if result is None or result["status"] != "finished" else float(result[metric])


def finished_values(records: Iterable[Record], metric: str) -> dict[int, float]:
    """The metric by seed, for the runs that did not diverge, in the order of the seeds."""
    return {
        record["seed"]: record["result"][metric]
        for record in sorted(records, key=lambda record: record["seed"])
        if record["result"]["status"] == "finished"
    }
