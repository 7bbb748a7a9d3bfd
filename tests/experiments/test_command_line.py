"""Every command: its message for a mistake in a YAML file, and its exit when the reader of its output closes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.config.compose import compose_run
from experiments.errors import BAD_INPUT, UserError
from experiments.exits import guarded
from experiments.runs.run import reachable
from tests.experiments.zygote import ROOT, environment

BROKEN = {
    "cells: [a": ":2: not valid YAML: expected ',' or ']'",
    "name: a: b": ":1: not valid YAML: mapping values are not allowed here",
    "\tname: a": ":1: not valid YAML: found character '\\t'",
}


@pytest.mark.parametrize(("text", "line"), BROKEN.items())
def test_a_yaml_mistake_is_one_line_with_file_and_line(
    text: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from omegaconf import OmegaConf

    path = tmp_path / "preset.yaml"
    path.write_text(text + "\n")
    assert guarded(lambda: print(OmegaConf.load(path))) == BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}{line}")
    assert error.count("\n") == 1


def test_what_the_disk_refuses_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none" / "page.md"
    assert guarded(lambda: print(path.read_text())) == BAD_INPUT
    assert capsys.readouterr().err == f"error: {path}: No such file or directory\n"


def test_a_closed_pipe_is_not_blamed_on_the_runs(tmp_path: Path) -> None:
    config = compose_run([f"runs_dir={tmp_path}"])
    with pytest.raises(BrokenPipeError), reachable(config, tmp_path / "run"):
        raise BrokenPipeError(32, "Broken pipe")
    with pytest.raises(UserError, match="No space left on device"), reachable(config, tmp_path / "run"):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("words", [["scripts/plan.py", "experiment=quickstart"], ["train.py", "--cfg", "job"]])
def test_a_closed_pipe_ends_the_command_quietly(words: list[str]) -> None:
    """Like a tool that SIGPIPE ends: status 141, nothing on stderr."""
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
    )
    assert process.stdout
    process.stdout.close()
    process.stdout = None
    _, error = process.communicate(timeout=240)
    assert error == ""
    assert process.returncode == 141
