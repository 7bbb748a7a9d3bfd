"""A tuned study on Slurm: the repeated command submits the next stage, and cancelled jobs change nothing."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.conftest import Checkout

STUDY = ("experiment=tuned_digits", "fresh=true", "impl=deterministic", "runs_per_job=12")
CANCELLATIONS = 10
ROUNDS = 40


def table_of(checkout: Checkout, runs: Path, results: Path) -> str:
    made = checkout.python("scripts/aggregate.py", "table=tuned_digits", f"runs_dir={runs}", f"results_dir={results}")
    assert made.returncode == 0, made.stderr
    return (results / "tables" / "tuned_digits.csv").read_text()


@pytest.mark.slow
def test_a_study_whose_jobs_are_cancelled_ten_times(slurm: Cluster, checkout: Checkout, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    local = checkout.python("train.py", "-m", *STUDY[:3], f"runs_dir={alone}")
    assert local.returncode == 0, local.stderr
    draw, cancelled = random.Random(0), 0
    for _ in range(ROUNDS):
        submitted = checkout.submit(*STUDY)
        assert submitted.returncode == 0, submitted.stderr
        if submitted.stdout.startswith("nothing to submit"):
            break
        if cancelled < CANCELLATIONS:
            time.sleep(draw.uniform(2, 12))
            cancelled += bool(slurm.queue())
            slurm.cancel_all()
        checkout.drain(seconds=600)
    else:
        raise AssertionError(f"not at its end after {ROUNDS} submissions")
    assert cancelled == CANCELLATIONS
    results = [sorted(path.read_bytes() for path in runs.glob("*/*/*/metrics.json")) for runs in (alone, checkout.runs)]
    assert results[0] == results[1]
    first, second = (table_of(checkout, runs, tmp_path / f"{runs.name}_results") for runs in (alone, checkout.runs))
    assert first == second
