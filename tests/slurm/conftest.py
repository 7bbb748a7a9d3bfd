"""A real Slurm for the length of the tests, and a checkout of this code that may be edited while jobs wait."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from experiments.files import read_json
from tests.experiments.zygote import environment
from tests.repository import git, repository
from tests.slurm.cluster import Cluster, cluster, missing


@pytest.fixture(scope="session")
def running_slurm() -> Iterator[Cluster]:
    reason = missing()
    if reason:
        if os.environ.get("GEM_REQUIRE_SLURM"):
            pytest.fail(f"GEM_REQUIRE_SLURM is set, and Slurm is not there: {reason}")
        pytest.skip(f"no Slurm: {reason}")
    with cluster() as slurm:
        yield slurm


@pytest.fixture
def slurm(running_slurm: Cluster) -> Iterator[Cluster]:
    """An empty queue before and after each test."""
    yield running_slurm
    running_slurm.cancel_all()


@dataclass
class Checkout:
    """A repository of its own with this code committed, and commands in it that speak to the cluster."""

    root: Path
    slurm: Cluster
    runs: Path
    env: dict[str, str] = field(default_factory=dict)

    def python(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        own = self.slurm.environment | environment() | {"PYTHONPATH": str(self.root)} | self.env | env
        own["PATH"] = env.get("PATH", self.slurm.environment["PATH"])
        place = [] if any(word.startswith("runs_dir=") for word in words) else [f"runs_dir={self.runs}"]
        command = [sys.executable, *words, *place]
        return subprocess.run(command, cwd=self.root, env=own, capture_output=True, text=True, timeout=1800)

    def submit(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        small = ("launcher.cpus_per_task=1", "launcher.gpus_per_node=0", "launcher.mem_gb=1")
        return self.python("scripts/submit.py", "launcher=slurm", *small, *words, **env)

    def drain(self, seconds: float = 240) -> None:
        """Wait until the queue is empty."""
        until(lambda: not self.slurm.queue(), seconds, lambda: f"{self.slurm.queue()}\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.runs.glob(".sweeps/*/slurm/*.out")))

    def statuses(self) -> list[str]:
        """``<activation>/<seed>: <status>`` of every complete run, sorted."""
        paths = self.runs.glob("*/*/*/metrics.json")
        return sorted(f"{p.parts[-3].rpartition('-')[0]}/{p.parts[-2]}: {read_json(p)['status']}" for p in paths)

    def git(self, *words: str) -> str:
        return git(self.root, *words)


def until(condition: Callable[[], object], seconds: float, tell: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.1)


@pytest.fixture
def checkout(slurm: Cluster, tmp_path: Path) -> Checkout:
    """The files that git knows or would take, as they are now."""
    return Checkout(repository(tmp_path / "checkout"), slurm, tmp_path / "runs")
