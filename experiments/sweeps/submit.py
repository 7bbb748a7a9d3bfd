"""Submission: completed runs are skipped, queued or running ones are left, and the rest is frozen and submitted."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.activations.source import import_folder
from experiments.activations.target import keep_source
from experiments.config.compose import ROOT
from experiments.errors import DIVERGED, FINISHED, UserError
from experiments.runs.lock import holder, locked
from experiments.sweeps import slurm
from experiments.sweeps.folder import LOCAL, PLACE, Sweep, create, hold_sweep, sweeps
from experiments.sweeps.folder import outcome as outcome_of
from experiments.sweeps.freeze import NotCommitted, freeze
from experiments.sweeps.job import run_task
from experiments.sweeps.plan import Planned
from experiments.sweeps.queued import Place, waiting

SUBMITTED = ("new", "to be continued")  # the kinds of runs that are submitted


@dataclass(frozen=True)
class Decision:
    """The decision on a run. ``kind`` is counted in the summary; ``detail`` says where the run is."""

    planned: Planned
    kind: str
    detail: str = ""

    @property
    def submitted(self) -> bool:
        return self.kind in SUBMITTED


def decide(runs: Sequence[Planned], runs_dir: Path) -> list[Decision]:
    places = waiting(runs_dir)
    return [decision(planned, places) for planned in runs]


def decision(planned: Planned, places: dict[Path, Place]) -> Decision:
    directory = planned.directory
    outcome = outcome_of(directory)
    if outcome == FINISHED:
        return Decision(planned, "finished before")
    if outcome == DIVERGED:
        return Decision(planned, "diverged before", "recorded; it would diverge again")
    if directory in places:
        return Decision(planned, "queued already", places[directory].text)
    if locked(directory / "lock"):
        return Decision(planned, "running", holder(directory))
    if any((directory / "checkpoints").glob("step*.pt")):
        return Decision(planned, "to be continued")
    return Decision(planned, "new")


def count_kinds(decisions: Sequence[Decision]) -> str:
    counts = Counter(decision.kind for decision in decisions)
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common())


def packed(count: int, size: int) -> list[list[int]]:
    """Indices 0 … count - 1 in as few packs of at most ``size`` as possible, of nearly equal length."""
    number = -(-count // size)
    edges = [count * index // number for index in range(number + 1)]
    return [list(range(first, last)) for first, last in itertools.pairwise(edges)]


@contextmanager
def alone(runs_dir: Path) -> Iterator[None]:
    """Allow one submission at a time, so that none counts runs as missing that another is about to queue."""
    place = runs_dir / PLACE
    try:
        place.mkdir(parents=True, exist_ok=True)
        with open(place / "lock", "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise UserError(f"runs_dir={runs_dir}: cannot write {error.filename or place}: {error.strerror}") from error


def hand_over(name: str, chosen: Sequence[Planned], launcher: str, settings: dict[str, Any]) -> Sweep:
    """Freeze code and configurations into a new sweep, and submit it on Slurm. After a UserError nothing remains.

    ``settings``: runs_per_job, per_gpu, jobs, dirty and, on Slurm, those of configs/hydra/launcher.
    """
    runs_dir = Path(chosen[0].config.runs_dir)
    code = code_for(chosen, runs_dir, settings.get("dirty", False))
    if launcher == LOCAL:
        packs, width = [list(range(len(chosen)))], settings["jobs"]
    else:
        packs, width = packs_of(len(chosen), settings)
    requeues = settings.get("max_num_timeout", 0)
    frozen = [freeze_source(planned.frozen(), runs_dir / PLACE / "activations") for planned in chosen]
    sweep = create(runs_dir, name, launcher, code, packs, width, requeues, frozen)
    try:
        if launcher == LOCAL:
            hold_sweep(sweep.folder)
        else:
            slurm.submit_array(sweep, settings, run_task)
    except UserError:
        shutil.rmtree(sweep.folder, ignore_errors=True)
        raise
    return sweep


def freeze_source(frozen: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The frozen run, changed to use a copy of its activation's file, so that later edits do not affect it.

    An importable module is not copied: a job compares its digest, and refuses a changed module.
    """
    activation = frozen["config"]["activation"]
    path, _, name = activation.get("target", "").rpartition(":")
    if not path.endswith(".py"):
        return frozen
    keep_source(activation, folder / activation["source"])
    copy = folder / activation["source"] / Path(path).relative_to(import_folder(Path(path)))
    changed = activation | {"target": f"{copy}:{name}"}
    return frozen | {"config": frozen["config"] | {"activation": changed}}


def packs_of(count: int, settings: dict[str, Any]) -> tuple[list[list[int]], int]:
    """The jobs of ``count`` runs on Slurm, as indices, and the number of parallel runs in a job."""
    width = side_by_side(settings)
    return packed(count, max(settings["runs_per_job"], width)), width


def side_by_side(settings: dict[str, Any]) -> int:
    """Parallel runs in a job: ``per_gpu`` on each of its GPUs, or one if all its tasks train it together.

    Raises UserError if both are requested, and if several tasks should train several runs in sequence.
    """
    tasks = (settings.get("tasks_per_node") or 1) * (settings.get("nodes") or 1)
    per_gpu: int = settings["per_gpu"]
    if tasks == 1:
        return per_gpu * (settings.get("gpus_per_node") or 1)
    for key in ("per_gpu", "runs_per_job"):
        if settings[key] > 1:
            raise UserError(
                f"{key}={settings[key]}: must be 1 where a job has several tasks ({tasks}), which train one run"
            )
    return 1


def code_for(chosen: Sequence[Planned], runs_dir: Path, dirty: bool) -> Path:
    """The frozen code for these runs: that of the current checkout.

    Exception: in a tree with uncommitted changes, runs that were submitted from this commit keep its code. So the same
    command continues them while the code is being edited.
    """
    try:
        return freeze(ROOT, runs_dir / PLACE / "code", dirty)
    except NotCommitted as error:
        before = {sweep.directory(i) for sweep in sweeps(runs_dir) if sweep.code == str(error.copy) for i in sweep.all}
        if not before.issuperset(planned.directory for planned in chosen):
            raise
        print(f"the tree has changes that are not committed; the runs keep the code of commit {error.copy.name[:8]}")
        return error.copy


def common_place(runs: Sequence[Planned]) -> Path:
    """The common runs_dir of all ``runs``. Raises UserError if they differ."""
    places = sorted({planned.config.runs_dir for planned in runs})
    if len(places) > 1:
        raise UserError(
            f"runs_dir={', '.join(map(os.path.relpath, places))}: the runs of one sweep need one common folder"
        )
    return Path(places[0])
