"""W&B rebuilt from metrics.jsonl with the real client, offline: one run each, whole, and nothing the second time."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.runs.metrics_log import read_lines
from tests.experiments import wandb_file
from tests.experiments.results import TINY
from tests.experiments.zygote import ROOT, Ended, Zygote


@pytest.fixture(scope="module")
def runs(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs of an experiment, and one of none that diverged."""
    pytest.importorskip("wandb")
    runs = tmp_path_factory.mktemp("runs")
    for words in (("experiment=quickstart",), ("experiment=quickstart", "seed=1"), ("recipe.lr=1e30",)):
        assert train.run(*TINY, *words, "tracking=disabled", "recipe.epochs=2", f"runs_dir={runs}").status in (0, 3)
    return runs


@pytest.fixture
def sync(train: Zygote, runs: Path) -> Callable[..., Ended]:
    return functools.partial(train.script, "scripts/sync_wandb.py", f"runs_dir={runs}")


def test_from_the_record_and_only_once(runs: Path, sync: Callable[..., Ended]) -> None:
    ended = sync("mode=offline")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("3 runs written, 0 skipped, 0 failed; to upload them: wandb sync ")
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
    assert sync("mode=offline").out.startswith("0 runs written, 3 skipped, 0 failed; ")
    assert {path: path.read_bytes() for path in files} == files
    assert sync("mode=offline", "force=true", "experiment=quickstart", "project=other").out.startswith("2 runs")
    assert len(list(runs.glob("*/*/*/wandb/offline-run-*"))) == 3


def test_bad_words_are_one_line(sync: Callable[..., Ended]) -> None:
    for word, part in (("mode=on", "online, offline"), ("modus=online", "unknown; did you mean mode=?")):
        ended = sync(word)
        assert ended.status == 2
        assert ended.err.count("\n") == 1
        assert part in ended.err


def test_a_run_that_cannot_be_read_is_named_and_the_others_go_on(runs: Path, sync: Callable[..., Ended]) -> None:
    broken = sorted(runs.glob("*/*/*/config.yaml"))[0]
    text = broken.read_text()
    try:
        broken.write_text("recipe: [")
        ended = sync("mode=offline", "force=true")
    finally:
        broken.write_text(text)
    assert ended.status == 2
    assert ended.err.startswith(f"error: {os.path.relpath(broken.parent, ROOT)}: config.yaml cannot be read")
    assert "2 runs written, 0 skipped, 1 failed" in ended.out
