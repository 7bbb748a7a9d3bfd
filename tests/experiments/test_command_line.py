"""What every command does with a mistake in a YAML file, and with a reader that has had enough."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.errors import BAD_INPUT
from experiments.exits import guarded
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
