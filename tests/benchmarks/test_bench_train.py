"""``benchmarks/bench.py train``: its modes, its processes, and the loop of a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import bench_train, peers
from benchmarks.timing import measure, run_in_fork, timer
from experiments.errors import UserError
from tests.experiments.zygote import ROOT, environment

SCRIPT = """
import torch
seen = []
def train(loader, model, criterion, optimizer, epoch):
    assert not args.half
    for x, y in loader:
        x, y = x.cuda(), y.cuda()
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
        seen.append((tuple(x.shape), x.dtype, len(y.unique())))
"""
NETWORK = """
import torch
def resnet56():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 10))
"""


def test_every_mode_is_timed_in_turn() -> None:
    """In a Python of its own: a process in which autograd has run cannot fork what is timed."""
    line = [sys.executable, "benchmarks/bench.py", "train", "case=digits-mlp-64", "seeds=2", "rounds=1", "steps=2"]
    ended = subprocess.run(line, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True)
    rows = [line.split("|") for line in ended.stdout.splitlines() if line.startswith("| digits")]
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows]
    assert [row[1] for row in cells] == ["plain", "single", "packed in 2"]
    assert cells[0][4] == cells[1][5] == cells[1][6] == "1.00"
    speeds = [float(row[2].replace(",", "")) for row in cells]
    assert float(cells[1][4]) == pytest.approx(speeds[1] / speeds[0], rel=0.02, abs=0.006)


def test_who_forks_asks_for_a_gpu_in_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the process itself the question would make the GPU useless to its forks."""
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: asked.append("here"))
    with pytest.raises(UserError, match="device=cuda: must be cpu, or cuda where there is a CUDA device"):
        bench_train.main(["case=digits-mlp-64", "device=cuda"])
    assert not asked


def test_a_process_of_its_own() -> None:
    """It computes, is timed, and says by an error where it failed."""
    assert run_in_fork(os.getpid) != os.getpid()
    workers = [timer(lambda: lambda count: sum(range(10**6 * count))) for _ in range(2)]
    once, often = measure(workers, 1), measure(workers, 5)
    assert 0.2 < often.wall / once.wall < 5
    assert often.cpu > 0.5 * often.wall
    for worker in workers:
        worker.stop()
    with pytest.raises(UserError, match="a process that was to be timed failed"):
        run_in_fork(lambda: 1 // 0)


PUBLISHED = """
import sys
import torch
from benchmarks import peers
from experiments.families.images.data.images import ImageData

folder = sys.argv[1]
pixels, labels = torch.randint(256, (600, 3, 32, 32), dtype=torch.uint8), torch.arange(600) % 10
peers.published(folder, 1, ImageData(pixels, labels, pixels, labels, classes=10), torch.device("cpu"), 2)(2)
print(sys.modules["trainer"].seen)
"""


def test_a_published_loop_runs_as_it_is(tmp_path: Path) -> None:
    assert not peers.is_published(str(tmp_path))
    (tmp_path / "trainer.py").write_text(SCRIPT)
    (tmp_path / "resnet.py").write_text(NETWORK)
    assert peers.is_published(str(tmp_path))
    line = [sys.executable, "-c", PUBLISHED, str(tmp_path)]
    ended = subprocess.run(line, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True)
    assert ended.stdout.splitlines()[-1] == str([((128, 3, 32, 32), torch.float32, 10)] * 4)


def test_a_peer_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match=r"peer=/nowhere: must be a checkout of"):
        bench_train.main(["peer=/nowhere"])


def test_a_ratio_is_told_with_its_range() -> None:
    assert bench_train.over_rounds([1.2, 0.934, 1.0]) == "1.00 (0.93–1.20)"
    assert bench_train.over_rounds([1.0, 1.0]) == "1.00"
