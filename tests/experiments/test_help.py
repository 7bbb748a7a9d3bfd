"""``--help`` is worth reading and quick: nothing heavy is imported before there is something to train."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from tests.experiments.zygote import ROOT, environment

CODE = """
import runpy, sys
sys.argv = ["train.py", *sys.argv[1:]]
try:
    runpy.run_path("train.py", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
heavy = {"torch", "torchvision", "numpy", "sklearn", "scipy", "matplotlib", "wandb"} & set(sys.modules)
assert not heavy, heavy
"""


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("flag", ["--help", "--cfg=job"])
def test_quick_and_light(flag: str) -> None:
    """Processor time, since a busy machine says nothing about the program."""
    before = cpu_seconds()
    line = [sys.executable, "-c", CODE, flag]
    process = subprocess.run(line, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True)
    assert cpu_seconds() - before < 3
    assert process.stderr == ""
    if flag == "--help":
        for word in ("dataset: cifar10, ", "activation: egem, ", "Exit status: 0 finished", "runs_dir", "GEM_DATA"):
            assert word in process.stdout, word
