"""Work in forks: the steps before the runs, and the parallel runs, with progress for people."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments import exits
from experiments.config.identity import run_title
from experiments.config.schema import Config
from experiments.errors import DIVERGED, FAILED, FINISHED, UNFINISHED, Busy, Stopped, UserError
from experiments.families.registry import family_of_model
from experiments.files import read_json, write_json
from experiments.runs.signals import leave_on_signals, stop_on_signals
from experiments.studies.cost import duration
from experiments.sweeps.job import last_line, warm_process
from experiments.sweeps.pool import in_forks
from experiments.trial.battery import Run

CACHES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "XDG_CACHE_HOME", "HOME", "TMPDIR")


def compute_once(path: Path, identity: str, compute: Callable[[], Any]) -> Any:
    """The result of ``compute``, or the stored one at ``path`` if it was computed for the same ``identity``.

    It runs in a fork, so that the threads of compilers are not in the parent of the runs' forks.
    """
    if path.exists() and (known := read_json(path))["identity"] == identity:
        return known["value"]
    path.parent.mkdir(parents=True, exist_ok=True)

    log, compiled = path.with_suffix(".log"), path.with_name("compiled")

    def work(item: int, slot: int) -> int:
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)  # warnings of compilers
        compiled.mkdir(exist_ok=True)
        for name in CACHES:  # the libraries' own caches go to the same folder
            os.environ[name] = str(compiled.absolute())
        tempfile.tempdir = str(compiled.absolute())
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # each further one would start a Python with torch
        write_json(path, {"identity": identity, "value": compute()})
        shutil.rmtree(compiled, ignore_errors=True)
        return FINISHED

    if run_forks([0], 1, work, lambda item, status: None)[0] != FINISHED:
        raise UserError(f"{path.stem}: its process failed: {last_line(log)} (log: {os.path.relpath(log)})")
    return read_json(path)["value"]


def run_forks(
    items: Sequence[int], width: int, work: Callable[[int, int], int], ended: Callable[[int, int], None]
) -> list[int]:
    """The exit statuses of ``work`` for ``items``. Raises Stopped after a signal."""
    statuses: list[int] = []

    def note(item: int, status: int) -> None:
        statuses.append(status)
        ended(item, status)

    with stop_on_signals() as stop:
        in_forks(items, width, work, lambda item, pid: None, note, stop)
        if stop:
            name = stop.signal.name if stop.signal else "a signal"
            raise Stopped(f"stopped by {name}; run the same command again to continue")
    return statuses


def check_data(config: Config) -> None:
    """Raise UserError, after one line on stderr, if the data of a task are missing."""

    def work(item: int, slot: int) -> int:
        family = family_of_model(config.model.kind)
        try:
            family.prepare(config.dataset, config.model, config.data_dir, config.cache_dir)
        except UserError as error:
            return exits.say(error)
        return FINISHED

    if run_forks([0], 1, work, lambda item, status: None)[0] != FINISHED:
        raise UserError(f"dataset={config.dataset.name}: its data are missing; battery=minutes needs none")


def train_runs(runs: Sequence[Run], runs_dir: str, logs: Path, width: int, title: str) -> None:
    """Train all ``runs`` in forks. Raises UserError for a run that failed, Stopped after a signal."""
    configs = [dataclasses.replace(c.config, seed=s, runs_dir=runs_dir) for c, s in runs]
    logs.mkdir(parents=True, exist_ok=True)
    warm_process(configs[0])
    begun, failed = time.monotonic(), []

    def log_of(index: int) -> Path:
        return logs / f"{run_title(configs[index]).replace('/', '-')}.log"

    def work(index: int, slot: int) -> int:
        handle = os.open(log_of(index), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number in (1, 2):
            os.dup2(handle, number)
        try:
            with leave_on_signals():
                from experiments.runs.run import run_config

                return run_config(configs[index], "python scripts/trial.py")
        except (UserError, Busy, OSError, Stopped) as error:
            return exits.say(error)
        except Exception:
            traceback.print_exc()
            return FAILED

    done = 0

    def ended(index: int, status: int) -> None:
        nonlocal done
        done += 1
        left = (time.monotonic() - begun) / done * (len(runs) - done)
        if status not in (FINISHED, DIVERGED, UNFINISHED) and status >= 0:
            failed.append(f"{run_title(configs[index])}: {last_line(log_of(index))}")
        if done in (1, len(runs)) or done % 10 == 0:
            print(f"  {title}: {done} of {len(runs)} runs, {duration(left)} left in this stage", flush=True)

    statuses = run_forks(range(len(runs)), width, work, ended)
    if failed:
        raise UserError(f"{failed[0]} (log: {os.path.relpath(logs)})")
    if any(status not in (FINISHED, DIVERGED) for status in statuses):
        raise UserError(f"{title}: a run was killed; run the same command again to continue")
