"""Slurm: submits a sweep's tasks as one array through submitit, queries the queue, and requeues its own job."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.errors import UserError
from experiments.sweeps.folder import Sweep

COMMON = ("timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes")  # submitit's own names
NOT_SBATCH = ("_target_", "submitit_folder", "max_num_timeout", "name", "stderr_to_stdout", "runs_per_job", "per_gpu")
OURS = (*NOT_SBATCH, "dirty", "additional_parameters", "setup")
ASK_SECONDS = 30
REQUEUE_TRIES = 10
# A job must survive preemption while Python starts: otherwise Slurm reports a failure and does not requeue it.
IGNORE_SIGNALS_AT_START = ["sh", "-c", "trap '' TERM USR2; exec \"$@\"", "job"]


@dataclass(frozen=True)
class SlurmTask:
    """One task of a sweep's array as squeue shows it. A pending one may have been requeued."""

    raw: str  # SLURM_JOB_ID of the task
    job: str  # 12_3 for task 3 of array 12
    state: str
    node: str
    elapsed: str
    why: str  # Slurm's reason for a pending task


def submit_array(sweep: Sweep, settings: dict[str, Any], task: Callable[[str, int], None]) -> str:
    """Submit ``task(folder, number)`` for every pack of ``sweep`` as one array. Returns the job id at once.

    ``settings`` are those of configs/hydra/launcher. Raises UserError with sbatch's message if it refuses.
    """
    import submitit

    executor = submitit.AutoExecutor(
        folder=sweep.folder / "slurm", cluster="slurm", slurm_max_num_timeout=sweep.max_requeues
    )
    setup = [*(settings.get("setup") or []), f'cd "{sweep.code}"', f'export PYTHONPATH="{sweep.code}"']
    executor.update_parameters(
        name=sweep.name,
        stderr_to_stdout=True,
        slurm_setup=setup,
        slurm_srun_args=IGNORE_SIGNALS_AT_START,
        slurm_additional_parameters={"requeue": True} | (settings.get("additional_parameters") or {}),
        **{key if key in COMMON else f"slurm_{key}": value for key, value in sbatch_settings(settings).items()},
    )
    count = len(sweep.packs)
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # submitit repeats the error message there
            jobs = executor.map_array(task, [str(sweep.folder)] * count, range(count))
    except (submitit.core.utils.FailedJobError, OSError, subprocess.SubprocessError) as error:
        raise UserError(f"launcher=slurm: sbatch refused: {reason(str(error))}") from error
    return str(jobs[0].job_id).partition("_")[0]


def sbatch_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that submitit passes on to sbatch."""
    return {key: value for key, value in settings.items() if value and key not in OURS}


def reason(text: str) -> str:
    """The lines of sbatch's output that name the error."""
    said = re.findall(r"sbatch: (?:error: |fatal: )?(.+)", text)
    return "; ".join(dict.fromkeys(line.strip() for line in said)) or " ".join(text.split())


def require() -> None:
    """Raise UserError if Slurm or submitit is missing."""
    absent = [name for name in ("sbatch", "srun", "squeue") if shutil.which(name) is None]
    if absent:
        where = "log in to a node of the cluster, or use launcher=local"
        raise UserError(f"launcher=slurm: there is no {absent[0]} on the PATH; {where}")
    try:
        import submitit  # noqa: F401
    except ImportError as error:
        raise UserError("launcher=slurm: pip install '.[slurm]' first") from error


def tasks(names: Iterable[str]) -> dict[str, dict[int, SlurmTask]]:
    """By sweep and number, the tasks that Slurm still lists: pending, running, completing.

    Raises UserError if squeue fails, because the state is then unknown.
    """
    listed = ",".join(names)
    if not listed:
        return {}
    command = ["squeue", "--noheader", "--array", f"--name={listed}", "--format=%A|%i|%K|%T|%N|%M|%r|%j"]
    found: dict[str, dict[int, SlurmTask]] = {}
    for line in ask(command).splitlines():
        raw, job, number, state, node, elapsed, why, name = line.split("|", 7)
        found.setdefault(name, {})[int(number) if number.isdigit() else 0] = SlurmTask(
            raw, job, state, node, elapsed, why
        )
    return found


def ask(command: list[str]) -> str:
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS)
    except FileNotFoundError as error:
        raise UserError(f"{command[0]}: not on the PATH, so the queue is unknown") from error
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{command[0]}: no answer in {ASK_SECONDS} s; try again later") from error
    if process.returncode:
        raise UserError(f"{command[0]}: {' '.join(process.stderr.split()) or f'exit status {process.returncode}'}")
    return process.stdout


def requeue() -> str:
    """Put this process's own job back into the queue, unless Slurm did so already or somebody cancelled it.

    Returns the result in words. Only a job that Slurm lists as running is requeued. A cancelled job gets the same
    SIGTERM as a preempted one, and must not start again.
    """
    job = own_job(os.environ)
    for attempt in range(REQUEUE_TRIES):
        try:
            shown = ask(["scontrol", "show", "job", "-o", job])
            state = (re.search(r"\bJobState=(\w+)", shown) or ["", "unknown"])[1]
            if state != "RUNNING":
                return f"job {job} is {state.lower()} according to Slurm, so it is not requeued"
            ask(["scontrol", "requeue", job])
            return f"job {job} requeued"
        except UserError as error:  # the controller may be restarting
            said = str(error)
            time.sleep(min(1 + attempt, 5))
    return f"job {job} could not be requeued ({said}); submit again to continue"


def own_job(environment: Mapping[str, str]) -> str:
    """``36`` or ``36_2``. The last task of an array has the array's own id, which alone would mean all its tasks."""
    array, task = (environment.get(f"SLURM_ARRAY_{part}") for part in ("JOB_ID", "TASK_ID"))
    return f"{array}_{task}" if array and task else environment["SLURM_JOB_ID"]


def in_job() -> bool:
    return "SLURM_JOB_ID" in os.environ and bool(os.environ.get("SUBMITIT_EXECUTOR"))
