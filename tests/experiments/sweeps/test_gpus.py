"""Which GPUs a run of a job sees, and how many runs a job trains at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from experiments.errors import UserError
from experiments.sweeps.job import place_on_gpu
from experiments.sweeps.slurm import own_job
from experiments.sweeps.submit import side_by_side


@pytest.mark.parametrize(
    ("settings", "runs"),
    [
        ({"per_gpu": 1, "gpus_per_node": None}, 1),
        ({"per_gpu": 4, "gpus_per_node": 2}, 8),
        ({"per_gpu": 1, "runs_per_job": 1, "gpus_per_node": 4, "tasks_per_node": 4}, 1),
        ({"per_gpu": 1, "runs_per_job": 1, "gpus_per_node": 1, "nodes": 2}, 1),
    ],
)
def test_runs_of_a_job_at_once(settings: dict[str, int], runs: int) -> None:
    assert side_by_side(settings) == runs


@pytest.mark.parametrize("key", ["per_gpu", "runs_per_job"])
def test_several_runs_of_several_tasks_are_refused(key: str) -> None:
    with pytest.raises(UserError, match=rf"{key}=2: must be 1 where a job has several tasks \(4\)"):
        side_by_side({"per_gpu": 1, "runs_per_job": 1, "tasks_per_node": 4} | {key: 2})


@pytest.mark.parametrize(
    ("environment", "job"),
    [
        ({"SLURM_JOB_ID": "7"}, "7"),
        ({"SLURM_JOB_ID": "36", "SLURM_ARRAY_JOB_ID": "36", "SLURM_ARRAY_TASK_ID": "3"}, "36_3"),
        ({"SLURM_JOB_ID": "38", "SLURM_ARRAY_JOB_ID": "36", "SLURM_ARRAY_TASK_ID": "0"}, "36_0"),
    ],
)
def test_a_task_of_an_array_never_speaks_for_all(environment: dict[str, str], job: str) -> None:
    assert own_job(environment) == job


@pytest.mark.parametrize(("tasks", "seen"), [("1", "5"), ("2", "3,5")])
def test_forks_take_turns_on_the_gpus_and_tasks_see_them_all(
    monkeypatch: pytest.MonkeyPatch, tasks: str, seen: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", tasks)
    place_on_gpu(slot=1, width=2)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen


@pytest.mark.parametrize(("hidden", "seen"), [(True, ""), (False, "1")])
def test_gpus_that_are_hidden_stay_hidden(
    hidden: bool, seen: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Outside Slurm the GPUs that there are are taken, unless the user has said which."""
    for number in range(2):
        (tmp_path / str(number)).touch()
    monkeypatch.setattr("experiments.sweeps.job.GPUS", tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    if not hidden:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    place_on_gpu(slot=1, width=2)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen


@pytest.mark.parametrize(("width", "part"), [(1, []), (2, []), (4, [1 / 2]), (5, [1 / 3])])
def test_runs_that_share_a_gpu_share_its_memory(monkeypatch: pytest.MonkeyPatch, width: int, part: list[float]) -> None:
    parts: list[float] = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", parts.append)
    place_on_gpu(slot=0, width=width)
    assert parts == part
