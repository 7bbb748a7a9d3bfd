"""``--help`` is complete and fast: nothing heavy is imported before there is something to train."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.timing import cpu_seconds
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


def run(*words: str) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Seconds of processor time of a Python, since a busy machine says nothing about the program, and what it said."""
    before, line = cpu_seconds(), [sys.executable, *words]
    process = subprocess.run(line, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True)
    return cpu_seconds() - before, process


@pytest.mark.parametrize("flag", ["--help", "--cfg=job"])
def test_quick_and_light(flag: str) -> None:
    """Beside the import of Hydra, which no answer can do without: processors differ, and one machine from hour to
    hour."""
    least, _ = run("-c", "import hydra")
    used, process = run("-c", CODE, flag)
    assert used < 12 * least
    assert process.stderr == ""
    if flag == "--help":
        for word in (
            "dataset: allen_cahn, ",
            "activation: custom, egem, ",
            "Exit status: 0 finished",
            "runs_dir",
            "GEM_DATA",
        ):
            assert word in process.stdout, word
