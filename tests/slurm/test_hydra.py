"""``train.py -m launcher=slurm`` on a real Slurm: waits, lists every failure, ends with the worst status."""

from __future__ import annotations

import pytest

from tests.slurm.conftest import Checkout

LAUNCHER = (
    "launcher=slurm",
    *(f"launcher.{word}" for word in ("cpus_per_task=1", "gpus_per_node=0", "mem_gb=1")),
)
SHORT = ("dataset=digits", "recipe=digits", "recipe.max_steps=9", "impl=deterministic")


@pytest.mark.slow
def test_all_failures_are_listed(checkout: Checkout) -> None:
    line = ("train.py", "-m", *SHORT, *LAUNCHER, "launcher.runs_per_job=2", "recipe.lr=0.1,1e30,1e31,0.2")
    ended = checkout.python(*line)
    assert ended.returncode == 3, ended
    assert checkout.statuses() == ["gelu/seed0: diverged"] * 2 + ["gelu/seed0: finished"] * 2, ended
    summary, *failures = ended.stderr.splitlines()
    assert summary == "2 of 4 runs failed:"
    assert len(failures) == 2
    assert all("diverged: loss or gradient not finite" in failure for failure in failures)
    assert not [path for path in checkout.root.rglob("*") if "%" in path.name]
    assert checkout.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_a_preset_narrowed_finished_before(checkout: Checkout) -> None:
    line = ("train.py", "-m", "experiment=quickstart", "recipe.max_steps=2", "activation=gelu,gem", "seed=0", *LAUNCHER)
    first = checkout.python(*line)
    assert (first.returncode, first.stderr) == (0, ""), first
    assert "2 runs: 2 new" in first.stdout
    assert "2 runs: 2 finished before" in checkout.python(*line).stdout
