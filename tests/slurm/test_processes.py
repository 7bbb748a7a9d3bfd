"""One run over the tasks of a job: they find each other, train together, and are stopped and requeued together."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.families.text.example import TINY_BERT, write_corpus
from experiments.files import read_json
from tests.experiments.results import directory_of
from tests.slurm.conftest import Checkout, until

WORDS = (*TINY_BERT, "impl=deterministic", "impl.save_every_seconds=0.2", "launcher.tasks_per_node=2")


@pytest.mark.slow
def test_two_tasks_train_one_run_through_a_preemption(checkout: Checkout, tmp_path: Path) -> None:
    write_corpus(tmp_path / "data" / "reviews")
    places = (f"data_dir={tmp_path / 'data'}", f"cache_dir={tmp_path / 'cache'}")
    submitted = checkout.submit(*WORDS, *places, "recipe.steps=400")
    assert submitted.returncode == 0, submitted.stderr
    until(lambda: any(checkout.runs.glob("*/*/*/checkpoints/step*")), 120, checkout.logs)
    checkout.slurm.run("sbatch", "-p", "high", "-t", "1", "-n", "2", "-o", "/dev/null", "--wrap", "sleep 1")
    checkout.drain()
    parts = read_json(directory_of(checkout.runs) / "meta.json")["parts"]
    assert [part["processes"] for part in parts] == [2, 2], checkout.logs()
    assert parts[1]["from_step"] > 0
    assert [line.split(": ")[1] for line in checkout.statuses()] == ["finished"]
