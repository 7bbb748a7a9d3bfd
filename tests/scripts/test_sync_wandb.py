"""W&B rebuilt from metrics.jsonl with the real client, offline: one run each, whole, and nothing the second time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.metrics_log import read_lines
from tests.experiments import wandb_file
from tests.experiments.results import TINY
from tests.experiments.zygote import ROOT, Ended, Zygote, environment, zygote


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("wandb")
    with zygote(tmp_path_factory.mktemp("output")) as train:
        yield trained(train, tmp_path_factory.mktemp("runs"))


def trained(train: Zygote, runs: Path) -> Path:
    """Two finished runs of an experiment, and one of none that diverged."""
    for words in (("experiment=quickstart",), ("experiment=quickstart", "seed=1"), ("recipe.lr=1e30",)):
        assert train.run(*TINY, *words, "tracking=disabled", "recipe.epochs=2", f"runs_dir={runs}").status in (0, 3)
    return runs


def sync(runs: Path, *words: str) -> Ended:
    line = [sys.executable, "scripts/sync_wandb.py", f"runs_dir={runs}", *words]
    process = subprocess.run(line, cwd=ROOT, env=environment(), capture_output=True, text=True)
    return Ended(process.returncode, process.stdout, process.stderr)


def test_from_the_record_and_only_once(runs: Path) -> None:
    ended = sync(runs, "mode=offline")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "3 runs sent, 0 passed over, 0 failed (offline)\n"
    files = {path: path.read_bytes() for path in runs.glob("*/*/*/wandb/offline-run-*/*.wandb")}
    assert len(files) == 3
    for path in files:
        directory = path.parents[2]
        found = wandb_file.read(path)
        assert [line["_step"] for line in found["history"]] == [
            line["step"] for line in read_lines(directory / "metrics.jsonl")
        ]
        assert found["run"]["id"].endswith(directory.name)
        assert found["exit"] == (1 if found["summary"]["status"] == "diverged" else 0)
    assert sync(runs, "mode=offline").out == "0 runs sent, 3 passed over, 0 failed (offline)\n"
    assert {path: path.read_bytes() for path in files} == files
    assert sync(runs, "mode=offline", "force=true", "experiment=quickstart", "project=other").out.startswith("2 runs")
    assert len(list(runs.glob("*/*/*/wandb/offline-run-*"))) == 3


def test_bad_words_are_one_line(runs: Path) -> None:
    for word, part in (("mode=on", "online, offline"), ("modus=online", "unknown; known: experiment=")):
        ended = sync(runs, word)
        assert ended.status == 2
        assert ended.err.count("\n") == 1
        assert part in ended.err


def test_a_run_that_cannot_be_read_is_named_and_the_others_go_on(runs: Path) -> None:
    broken = sorted(runs.glob("*/*/*/config.yaml"))[0]
    text = broken.read_text()
    try:
        broken.write_text("recipe: [")
        ended = sync(runs, "mode=offline", "force=true")
    finally:
        broken.write_text(text)
    assert ended.status == 2
    assert ended.err.startswith(f"error: {os.path.relpath(broken.parent, ROOT)}: config.yaml cannot be read")
    assert "2 runs sent, 0 passed over, 1 failed" in ended.out
