"""Several processes train what one process trains. When one dies, the others report it and the run continues."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.errors import Stopped, UserError
from experiments.families.diffusion.example import TINY_UNET
from experiments.families.text.example import TINY_BERT, write_corpus
from experiments.families.translation.example import TINY_MARIAN, write_pairs
from experiments.processes import own_gpu, place, processes
from experiments.runs.mechanism import FIGURES
from experiments.runs.metrics_log import TIMES, read_lines
from experiments.sweeps.in_process import train_jobs
from tests.experiments.results import directory_of
from tests.experiments.zygote import ROOT

LINE = [*TINY_BERT, "recipe.log_every=1", "impl=deterministic"]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("text")
    write_corpus(folder / "data" / "reviews")
    return [f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]


def start(count: int, words: list[str], line: list[str] = LINE) -> list[subprocess.Popen[str]]:
    """``train.py`` in ``count`` processes, with the variables that torchrun sets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    return [
        subprocess.Popen(
            [sys.executable, "train.py", *line, *words],
            cwd=ROOT,
            env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]


def finish(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    outputs = [process.communicate(timeout=240) for process in processes]
    return [(process.returncode, err) for process, (_, err) in zip(processes, outputs, strict=True)]


def lines(runs_dir: Path) -> list[dict[str, Any]]:
    """Without what the activations do, which is measured on the first process's share of a batch."""
    found = read_lines(directory_of(runs_dir) / "metrics.jsonl")
    left_out = {*TIMES, *FIGURES, "by_layer"}
    return [{key: value for key, value in line.items() if key not in left_out} for line in found]


def test_two_processes_equal_one_to_1e_5_for_20_steps(places: list[str], tmp_path: Path) -> None:
    words = [*places, "recipe.steps=20"]
    assert [code for code, _ in finish(start(1, [*words, f"runs_dir={tmp_path / 'one'}"]))] == [0]
    ended = finish(start(2, [*words, f"runs_dir={tmp_path / 'two'}"]))
    assert [code for code, _ in ended] == [0, 0], ended
    one, two = lines(tmp_path / "one"), lines(tmp_path / "two")
    assert [line["step"] for line in one] == list(range(1, 21))
    for a, b in zip(one, two, strict=True):
        assert b == pytest.approx(a, rel=1e-5)
    meta = json.loads((directory_of(tmp_path / "two") / "meta.json").read_text())
    assert meta["parts"][0]["processes"] == 2


def test_when_one_dies_the_others_leave_and_the_run_continues(places: list[str], tmp_path: Path) -> None:
    words = [*places, "recipe.steps=120", "impl.save_every_seconds=0", f"runs_dir={tmp_path}"]
    processes = start(2, words)
    patience = time.monotonic() + 120
    while not list(tmp_path.glob("*/*/seed0/checkpoints/step00000001*.pt")) and time.monotonic() < patience:
        time.sleep(0.01)
    processes[1].send_signal(signal.SIGKILL)
    first, killed = finish(processes)
    assert killed[0] == -signal.SIGKILL, (killed, first)
    assert first[0] == 75, first
    assert "process 0 of 2: another process of this run died; run the same command again" in first[1]
    done = len(lines(tmp_path))
    assert 10 <= done < 120
    ended = finish(start(2, words))
    assert [code for code, _ in ended] == [0, 0], ended
    assert [line["step"] for line in lines(tmp_path)] == list(range(1, 121))
    parts = json.loads((directory_of(tmp_path) / "meta.json").read_text())["parts"]
    assert parts[1]["from_step"] >= 10


OTHERS = {
    "diffusion": [*TINY_UNET, "model.dropout=0.2", "recipe.accumulate=2", "recipe.ema=0.9"],
    "translation": [*TINY_MARIAN, "model.dropout=0.2", "recipe.accumulate=2"],
    "translation without dropout": [*TINY_MARIAN, "recipe.ema=0.9"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_two_processes_equal_one_in_other_families(tmp_path: Path, name: str) -> None:
    """Dropout, evaluation and the translations at the end included."""
    write_pairs(tmp_path / "data" / "films")
    places = [f"data_dir={tmp_path / 'data'}", f"cache_dir={tmp_path / 'cache'}"]
    line = [*OTHERS[name], *places, "recipe.log_every=1", "impl=deterministic"]
    for count in (1, 2):
        ended = finish(start(count, [f"runs_dir={tmp_path / str(count)}"], line))
        assert [code for code, _ in ended] == [0] * count, ended
    one, two = lines(tmp_path / "1"), lines(tmp_path / "2")
    assert [line["step"] for line in one] == list(range(1, 21))
    for a, b in zip(one, two, strict=True):
        assert b == pytest.approx(a, rel=1e-4)


@pytest.mark.slow
def test_a_signal_to_one_process_stops_all_of_them(places: list[str], tmp_path: Path) -> None:
    words = [*places, "recipe.steps=5000", f"runs_dir={tmp_path}"]
    processes = start(2, words)
    patience = time.monotonic() + 120
    while time.monotonic() < patience and not any(
        path.stat().st_size for path in tmp_path.glob("*/*/seed0/metrics.jsonl")
    ):
        time.sleep(0.01)
    processes[1].send_signal(signal.SIGUSR2)
    assert [code for code, _ in finish(processes)] == [75, 75]
    assert list((directory_of(tmp_path) / "checkpoints").glob("step*.pt"))


def test_several_runs_of_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="2 runs by 2 processes: must be one run a launch"):
        train_jobs([["seed=0"], ["seed=1"]])


def test_every_task_finds_its_gpu() -> None:
    """All GPUs in sight: one for each place; one in sight: Slurm has chosen."""
    assert [own_gpu(rank, rank, 4, by_slurm=rank > 1) for rank in range(4)] == [0, 1, 2, 3]
    assert [own_gpu(rank, rank, 1, by_slurm=True) for rank in range(4)] == [0, 0, 0, 0]
    with pytest.raises(UserError, match="process 5: is number 2 on its machine, which has GPUs 0 to 1 only"):
        own_gpu(5, 2, 2, by_slurm=True)
    with pytest.raises(UserError, match="process 1: is number 1 on its machine, which has one GPU only"):
        own_gpu(1, 1, 1, by_slurm=False)


@pytest.mark.parametrize(
    ("kind", "words", "raised"),
    [
        ("ncclInvalidUsage", "Duplicate GPU detected : rank 1 and rank 0", UserError),
        ("ncclRemoteError", "socket closed", Stopped),
    ],
)
def test_what_nccl_says_is_told(
    kind: str, words: str, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(key, value)
    for name in ("init_process_group", "destroy_process_group"):
        monkeypatch.setattr(torch.distributed, name, lambda *args, **settings: None)
    monkeypatch.setattr("experiments.processes.Distributed", lambda device: None)
    with pytest.raises(raised, match=f"process 1 of 2: .*{words}"), processes(torch.device("cpu")):
        raise torch.distributed.DistBackendError(
            f"NCCL error in: x.cpp:77\n{kind}: This is bad.\nLast error:\n{words}\n"
        )


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1, 0)),
        ({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, (3, 8, 1)),
        ({"RANK": "0", "WORLD_SIZE": "1"}, (0, 1, 0)),
        ({"SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "4", "SLURM_LOCALID": "2"}, (2, 4, 2)),
        ({"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}, (0, 1, 0)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, (0, 1, 0)),
    ],
)
def test_who_we_are(environment: dict[str, str], expected: tuple[int, int, int]) -> None:
    assert place(environment) == expected
