"""A sweep's folder ``<runs_dir>/.sweeps/<name>-<time>-<4 hex>``: what was submitted, and its logs.

``sweep.json`` is written before the submission and never changes. Only the job that runs a task appends to
``events<task>.jsonl``. ``lock`` is held while ``launcher=local`` runs it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.errors import DIVERGED, FINISHED
from experiments.files import read_json, write_json
from experiments.runs.lock import locked

PLACE = ".sweeps"
LOCAL, SLURM = "local", "slurm"


@dataclass(frozen=True)
class Sweep:
    """``runs`` are the values of ``Planned.frozen``; ``packs`` are the tasks, as indices into them."""

    folder: Path
    launcher: str
    code: str
    packs: list[list[int]]
    width: int  # runs side by side within a task
    max_requeues: int
    runs: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """Unique; also the name of its Slurm job, which therefore needs no record."""
        return self.folder.name

    @property
    def all(self) -> range:
        """The indices of the runs."""
        return range(len(self.runs))

    def directory(self, index: int) -> Path:
        return Path(self.runs[index]["directory"])

    def event(self, task: int, **values: Any) -> None:
        """Append one line. A full disk may lose it: events are for people and decide nothing."""
        values = {"time": round(time.time(), 3), "job": os.environ.get("SLURM_JOB_ID"), "task": task} | values
        try:
            with open(self.folder / f"events{task}.jsonl", "a") as file:
                file.write(json.dumps(values) + "\n")
        except OSError:
            return

    def events(self) -> list[dict[str, Any]]:
        """Every event, oldest first."""
        lines = (line for path in self.folder.glob("events*.jsonl") for line in path.read_text().splitlines())
        return sorted((json.loads(line) for line in lines if line.endswith("}")), key=lambda event: event["time"])


def create(
    runs_dir: Path, name: str, launcher: str, code: Path, packs: list[list[int]], width: int, max_requeues: int,
    runs: Sequence[dict[str, Any]],
) -> Sweep:  # fmt: skip
    """Make a folder with a unique name, independent of the clock."""
    unique = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
    folder = runs_dir / PLACE / unique
    (folder / "logs").mkdir(parents=True)
    sweep = Sweep(folder, launcher, str(code), packs, width, max_requeues, list(runs))
    write_json(folder / "sweep.json", {key: value for key, value in asdict(sweep).items() if key != "folder"})
    return sweep


def read_sweep(folder: Path) -> Sweep:
    return Sweep(folder=folder, **read_json(folder / "sweep.json"))


def sweeps(runs_dir: Path) -> Iterable[Sweep]:
    """Every sweep below ``runs_dir``, oldest first. A folder whose submission was interrupted is skipped."""
    for path in sorted((runs_dir / PLACE).glob("*/sweep.json"), key=lambda path: path.stat().st_mtime):
        yield read_sweep(path.parent)


def hold_sweep(folder: Path) -> int:
    """Hold the sweep's lock for the lifetime of this process and of its children; ``exec`` keeps it."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.set_inheritable(handle, True)
    return handle


def running_here(sweep: Sweep) -> bool:
    """Whether the processes of a local sweep are alive."""
    return sweep.launcher == LOCAL and locked(sweep.folder / "lock")


def outcome(directory: Path) -> int | None:
    """The exit status of a complete run (finished or diverged), else None."""
    try:
        status = read_json(directory / "metrics.json")["status"]
    except (OSError, ValueError, KeyError):
        return None
    return DIVERGED if status == "diverged" else FINISHED
