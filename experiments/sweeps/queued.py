"""Finds where unfinished runs wait: in a task of Slurm's queue, or in an active sweep on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.sweeps import slurm
from experiments.sweeps.folder import SLURM, running_here, sweeps


@dataclass(frozen=True)
class Place:
    """``text`` is for people. ``job`` is Slurm's id of the task, which its runs write into their locks."""

    text: str
    job: str | None = None
    running: bool = False


def waiting(runs_dir: Path) -> dict[Path, Place]:
    """By run directory, the place of every run that is queued or running in a sweep below ``runs_dir``.

    A task includes all its runs, even completed ones. Raises UserError if there are sweeps on Slurm and squeue fails.
    """
    known = list(sweeps(runs_dir))
    alive = slurm.tasks(sweep.name for sweep in known if sweep.launcher == SLURM)
    found: dict[Path, Place] = {}
    for sweep in known:
        here = Place(f"local sweep {sweep.name}", running=True) if running_here(sweep) else None
        for number, pack in enumerate(sweep.packs):
            task = alive.get(sweep.name, {}).get(number)
            place = place_of(task) if task else here
            if place:
                found.update({sweep.directory(index): place for index in pack})
    return found


def place_of(task: slurm.SlurmTask) -> Place:
    running = task.state in ("RUNNING", "COMPLETING")
    more = f"on {task.node} for {task.elapsed}" if running else f"({task.why})"
    return Place(f"Slurm job {task.job} {task.state.lower()} {more}", task.raw, running)
