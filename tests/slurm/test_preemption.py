"""Preempted, cancelled, killed, out of time: saved, requeued or submitted again, a run ends as if left alone."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from experiments.files import read_json
from tests.experiments.results import directory_of, result
from tests.experiments.zygote import Zygote
from tests.slurm.conftest import Checkout, until

LONG = ("dataset=digits", "recipe=digits", "recipe.epochs=40", "impl=deterministic", "impl.save_every_seconds=0.2")


@pytest.fixture(scope="module")
def alone(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, left alone."""
    place = tmp_path_factory.mktemp("alone")
    assert train.run(*LONG, f"runs_dir={place}").status == 0
    return place


def training(checkout: Checkout) -> None:
    """Wait until there is something to lose."""
    until(lambda: any(checkout.runs.glob("*/*/*/checkpoints/step*")), 120, checkout.logs)


def parts(checkout: Checkout) -> list[dict[str, Any]]:
    started: list[dict[str, Any]] = read_json(directory_of(checkout.runs) / "meta.json")["parts"]
    return started


def test_preempted_and_requeued(checkout: Checkout, alone: Path) -> None:
    """By a partition of higher priority; what continues is the same job, without anybody's doing."""
    checkout.submit(*LONG)
    training(checkout)
    (job,) = checkout.slurm.queue()
    checkout.slurm.run("sbatch", "-p", "high", "-n", "2", "-o", "/dev/null", "--wrap", "sleep 1")
    until(lambda: checkout.slurm.details(job).get("Restarts") == "1", 60, checkout.logs)
    checkout.drain()
    assert len(parts(checkout)) == 2
    assert parts(checkout)[1]["from_step"] > 0
    assert result(checkout.runs) == result(alone)
    assert "stopped by SIGTERM" in checkout.logs()
    assert checkout.slurm.details(job)["JobState"] == "COMPLETED"


@pytest.mark.slow
def test_near_the_time_limit(checkout: Checkout, alone: Path) -> None:
    """Slurm's warning, SIGUSR2, comes before the limit: the job saves and requeues itself."""
    checkout.submit(*LONG)
    training(checkout)
    (job,) = checkout.slurm.queue()
    checkout.slurm.run("scancel", "--signal=USR2", job)
    until(lambda: checkout.slurm.details(job).get("Restarts") == "1", 60, checkout.logs)
    checkout.drain()
    assert parts(checkout)[1]["from_step"] > 0
    assert result(checkout.runs) == result(alone)
    assert "stopped by SIGUSR2\n" in checkout.logs()
    assert f"job {job} requeued" in checkout.logs()


@pytest.mark.slow
def test_near_the_time_limit_of_one_task_its_siblings_are_left_alone(checkout: Checkout) -> None:
    """One task of an array has the array's own id, under which Slurm would requeue every task."""
    checkout.submit(*LONG, "seed=0,1")
    until(lambda: len(list(checkout.runs.glob("*/*/*/checkpoints"))) == 2, 120, checkout.logs)
    details = {job: checkout.slurm.details(job) for job in checkout.slurm.queue()}
    (last,) = [job for job, known in details.items() if known["JobId"] == known["ArrayJobId"]]
    (other,) = details.keys() - {last}
    checkout.slurm.run("scancel", "--signal=USR2", last)
    until(lambda: f"job {last} requeued" in checkout.logs(), 60, checkout.logs)
    until(lambda: checkout.slurm.details(last).get("Restarts") == "1", 60, checkout.logs)
    assert checkout.slurm.details(other)["Restarts"] == "0"
    checkout.drain()
    counts = sorted(len(read_json(path)["parts"]) for path in checkout.runs.glob("*/*/*/meta.json"))
    assert counts == [1, 2]


@pytest.mark.slow
def test_cancelled_stays_cancelled_and_continues_at_the_next_submit(checkout: Checkout, alone: Path) -> None:
    """``scancel`` sends what a preemption sends; a job that requeued itself then could not be stopped."""
    checkout.submit(*LONG)
    training(checkout)
    (job,) = checkout.slurm.queue()
    checkout.slurm.run("scancel", job)
    checkout.drain(60)
    assert checkout.slurm.details(job)["JobState"] == "CANCELLED"
    assert not (directory_of(checkout.runs) / "metrics.json").exists()
    assert "so it is not requeued here" in checkout.logs()
    assert "1 to be continued" in checkout.submit(*LONG).stdout
    checkout.drain()
    assert parts(checkout)[1]["from_step"] > 0
    assert result(checkout.runs) == result(alone)


@pytest.mark.slow
def test_killed_and_continued_at_the_next_submit(checkout: Checkout, alone: Path) -> None:
    checkout.submit(*LONG)
    training(checkout)
    (job,) = checkout.slurm.queue()
    for pid in processes(checkout.runs):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    checkout.drain(60)
    assert checkout.slurm.details(job)["JobState"] == "FAILED"
    assert "1 to be continued" in checkout.submit(*LONG).stdout
    checkout.drain()
    assert result(checkout.runs) == result(alone)


def processes(runs: Path) -> list[int]:
    """Every process of the sweeps below ``runs``: jobs and the forks that train."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            if str(runs).encode() in command and b"submitit.core._submit" in command and b"srun" not in command:
                found.append(int(entry.name))
    return found
