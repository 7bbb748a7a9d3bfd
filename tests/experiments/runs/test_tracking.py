"""Weights & Biases with its real client, offline: a mirror below the run directory, and not imported when off."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments.config.compose import compose_run
from experiments.config.identity import run_hash
from experiments.files import read_json
from experiments.runs.metrics_log import read_lines
from experiments.runs.tracking import WandbMirror
from tests.experiments import wandb_file
from tests.experiments.results import TINY, directory_of, result
from tests.experiments.test_bad_input import is_one_error_line
from tests.experiments.zygote import ROOT, Zygote, environment

OFFLINE = (*TINY, "tracking=offline", "experiment=quickstart", "recipe.epochs=2")


def written(directory: Path) -> list[dict[str, Any]]:
    """What the offline runs of one run directory hold."""
    return [wandb_file.read(path) for path in sorted(directory.glob("wandb/offline-run-*/*.wandb"))]


def steps(directory: Path) -> list[int]:
    return [line["step"] for line in read_lines(directory / "metrics.jsonl")]


def test_an_interrupted_offline_run_is_one_whole_run(train: Zygote, tmp_path: Path) -> None:
    """Two parts of one id would be two runs to W&B's own sync, with steps that go backwards."""
    pytest.importorskip("wandb")
    command = train.start(*OFFLINE, "impl.save_every_seconds=0", f"runs_dir={tmp_path}", cwd=tmp_path)
    while command.running() and not any(tmp_path.glob("*/*/seed*/checkpoints/step00000002?.pt")):
        pass
    command.send(signal.SIGTERM)
    assert command.wait().status == 75
    directory = directory_of(tmp_path)
    (first,) = written(directory)
    assert [line["step"] for line in first["history"]] == steps(directory)
    assert first["exit"] == 1
    ended = train.run(*OFFLINE, f"runs_dir={tmp_path}", cwd=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    (whole,) = written(directory)
    assert [line["step"] for line in whole["history"]] == steps(directory) == [22, 44]
    assert whole["exit"] == 0
    config = compose_run(OFFLINE)
    name = run_hash(config)
    assert (whole["run"]["id"], whole["run"]["group"]) == (f"{name[:16]}-seed0", name[:16])
    assert whole["run"]["tags"] == ["quickstart"]
    assert whole["run"]["config"]["recipe"]["epochs"] == config.recipe.epochs
    assert whole["summary"]["test_accuracy"] == read_json(directory / "metrics.json")["test_accuracy"]
    assert [path.name for path in tmp_path.iterdir()] == ["digits-cnn"]
    plain = tmp_path.parent / f"{tmp_path.name}-plain"
    assert train.run(*TINY, f"runs_dir={plain}").status == 0
    assert result(tmp_path) == result(plain)


class Online:
    """A W&B run that has the steps before 3 already."""

    starting_step = 3

    def __init__(self) -> None:
        self.sent: list[int] = []

    def log(self, values: dict[str, Any], step: int) -> None:
        self.sent.append(step)


def test_pictures_of_the_trained_network_go_to_the_last_step(train: Zygote, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    words = ["dataset=poisson", "model=pinn_minutes", "recipe.steps=3", "recipe.lbfgs_steps=0", "tracking=offline"]
    ended = train.run(*words, f"runs_dir={tmp_path / 'runs'}", cwd=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    directory = directory_of(tmp_path / "runs")
    (drawn,) = (directory / "pictures").iterdir()
    (whole,) = written(directory)
    assert "solution" in whole["history"][-1]
    assert [line["step"] for line in whole["history"]] == steps(directory)
    (copy,) = directory.glob("wandb/offline-run-*/files/media/images/solution_*.png")
    assert copy.read_bytes() == drawn.read_bytes()
    shown = tmp_path / "shown"
    ended = train.script("scripts/export.py", f"run={directory}", f"out={shown}", "pictures=true")
    assert (ended.status, ended.err) == (0, "")
    assert (shown / "solution.png").read_bytes() == drawn.read_bytes()


def test_steps_never_go_backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What W&B has is not sent again; what it missed is; a checkpoint older than the last line changes nothing."""
    pytest.importorskip("wandb")
    (tmp_path / "metrics.jsonl").write_text("".join(f'{{"step": {step}}}\n' for step in range(1, 6)) + '{"step": 6')
    online = Online()
    monkeypatch.setattr(WandbMirror, "start", lambda *_: online)
    mirror = WandbMirror(compose_run(["tracking=online"]), tmp_path)
    for step in (4, 5, 6, 7):
        mirror.log({"step": step})
    assert online.sent == [3, 4, 5, 6, 7]


def test_online_without_a_key_says_what_to_do(train: Zygote, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    line = (*TINY, "tracking=online", f"runs_dir={tmp_path / 'runs'}")
    home = {"HOME": str(tmp_path), "NETRC": str(tmp_path / "none")}
    assert is_one_error_line(train.run(*line, env=home), "tracking.mode=online", "tracking=offline")


def test_off_it_is_not_imported(tmp_path: Path) -> None:
    code = (
        "import runpy, sys\n"
        "sys.argv = ['train.py', *sys.argv[1:]]\n"
        "try: runpy.run_path('train.py', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0, end\n"
        "assert 'torch' in sys.modules and 'wandb' not in sys.modules"
    )
    line = [sys.executable, "-c", code, "dataset=digits", "recipe=digits", "recipe.max_steps=1", f"runs_dir={tmp_path}"]
    subprocess.run(line, cwd=ROOT, env=environment(), check=True, capture_output=True)
