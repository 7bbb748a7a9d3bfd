"""Weights & Biases with its real client, offline: a mirror below the run directory, and not imported when off."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.config import compose_run, run_hash
from tests.experiments.results import TINY, directory_of, result
from tests.experiments.test_bad_input import is_one_error_line
from tests.experiments.zygote import ROOT, Zygote, environment

OFFLINE = (*TINY, "tracking=offline", "experiment=quickstart", "recipe.epochs=2")


def records(directory: Path) -> list[bytes]:
    """The files of the offline runs, oldest first."""
    return [path.read_bytes() for path in sorted(directory.glob("wandb/offline-run-*/*.wandb"))]


def test_offline_run_has_id_group_and_tags_and_goes_on(train: Zygote, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    command = train.start(*OFFLINE, "impl.save_every_seconds=0", f"runs_dir={tmp_path}", cwd=tmp_path)
    while command.running() and not any(tmp_path.glob("*/*/seed*/checkpoints/step00000002?.pt")):
        pass
    command.send(signal.SIGTERM)
    assert command.wait().status == 75
    ended = train.run(*OFFLINE, f"runs_dir={tmp_path}", cwd=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    directory = directory_of(tmp_path)
    name = run_hash(compose_run(OFFLINE))
    written = records(directory)
    assert len(written) == 2
    for content in written:
        for part in (f"{name[:16]}-seed0", name[:16], "quickstart", "gem-activations"):
            assert part.encode() in content
    assert b"test_accuracy" in written[1]
    assert [path.name for path in tmp_path.iterdir()] == ["digits-cnn"]
    plain = tmp_path.parent / f"{tmp_path.name}-plain"
    assert train.run(*TINY, f"runs_dir={plain}").status == 0
    assert result(tmp_path) == result(plain)


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
