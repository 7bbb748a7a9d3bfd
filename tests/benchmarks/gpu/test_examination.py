"""The files of an examination are complete at any moment, and a part that fails does not affect the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.gpu import kernels
from benchmarks.gpu.examination import CUT, DONE, FAILED, WAITING, Examination
from benchmarks.gpu.page import page_text, word
from benchmarks.gpu.parts import PARTS, Part
from gem import reference

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "scripts/gpu.py", "device=cpu"]


def quiet(text: str) -> None:
    pass


def read(results: Path) -> tuple[dict[str, Any], str]:
    page = (results / "gpu" / "cpu.md").read_text()
    return json.loads((results / "gpu" / "cpu.json").read_text()), page


def test_a_part_that_fails_leaves_the_next_alone(tmp_path: Path) -> None:
    parts = (Part("nowhere", "Nowhere", 0.5, "", {"a": "a"}), *(part for part in PARTS if part.module == "machine"))
    examination = Examination("cpu", 1.0, tmp_path, quiet, (parts[0], Part(**{**vars(parts[1]), "until": 1.0})))
    examination.run()
    report, page = read(tmp_path)
    assert report["parts"]["nowhere"]["state"] == FAILED
    assert "No module named 'benchmarks.gpu.nowhere'" in page
    assert report["parts"]["machine"]["state"] == DONE
    assert f"| torch        | {torch.__version__}" in page


def test_a_part_ends_with_its_time(tmp_path: Path) -> None:
    part = Part("kernels", "Kernels", 1.0, "", {"activation": "activation"})
    begun = time.monotonic()
    Examination("cpu", 0.5 / 60, tmp_path, quiet, (part,)).run()
    assert read(tmp_path)[0]["parts"]["kernels"]["state"] == CUT
    assert time.monotonic() - begun < 15


def sections(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("#")]


@pytest.mark.parametrize("after", [4.0, *(pytest.param(t, marks=pytest.mark.slow) for t in (7.0, 13.0, 31.0, 57.0))])
def test_killed_at_any_moment_it_leaves_a_whole_page(after: float, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "minutes=2", f"results_dir={tmp_path}"], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    page = tmp_path / "gpu" / "cpu.md"
    while not page.exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    report, text = read(tmp_path)
    assert sections(text) == [f"# Examination of a device ({report['device']})", *(f"## {p.title}" for p in PARTS)]
    assert {part["state"] for part in report["parts"].values()} & {WAITING, DONE}


@pytest.mark.slow
def test_two_minutes_on_a_cpu(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "minutes=2", f"results_dir={tmp_path}"], cwd=ROOT, check=False, timeout=240)
    assert done.returncode == 0
    report, page = read(tmp_path)
    assert all(part["rows"] for part in report["parts"].values()), page
    assert all(row["right"] for row in report["parts"]["kernels"]["rows"]), page
    assert all(row["right"] for row in report["parts"]["families"]["rows"]), page


def test_bad_words_are_one_line(tmp_path: Path) -> None:
    for given, told in (("device=tpu", "device=tpu: must be cuda or cpu"), ("minutes=-1", "minutes=-1: must be")):
        command = [sys.executable, "scripts/gpu.py", f"results_dir={tmp_path}", given]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {told}")
        assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_wrong_activation_is_told() -> None:
    class Off(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return reference.gem(x) * 1.001

    error, slope = kernels.errors(Off(), reference.gem, torch.float32, torch.device("cpu"))
    assert min(error, slope) > kernels.LIMIT
    for name, (module, definition) in kernels.subjects().items():
        for dtype in (torch.float32, torch.bfloat16):
            assert max(kernels.errors(module, definition, dtype, torch.device("cpu"))) <= kernels.LIMIT, name


COMPARED = """
import json
from benchmarks.gpu.families import compare
words = ["dataset=digits", "model=cnn", "recipe=digits"], ["dataset=digits", "data_dir=/nowhere", "model=gpt2_tiny"]
print(json.dumps([compare(each, "cpu") for each in words]))
"""


def test_a_family_beside_itself() -> None:
    """In a process of its own: torch's own tests, imported in this one, forbid the switches that a run sets."""
    told = subprocess.run([sys.executable, "-c", COMPARED], cwd=ROOT, capture_output=True, text=True, check=True)
    row, wrong = json.loads(told.stdout.splitlines()[-1])
    assert row["right"], row
    assert row["gradient_difference"] == 0
    assert "test_accuracy" in row["evaluated"]
    assert not wrong["right"]
    assert "UserError" in wrong["evaluated"]


def test_the_page_shows_every_kind_of_value() -> None:
    part = Part("kernels", "Kernels", 1.0, "A note.", {"a": "first", "b": "second"})
    rows = [{"a": True, "b": 1234567}, {"a": 0.123456}]
    own = {"state": DONE, "seconds": 2.0, "rows": rows, "note": ""}
    text = page_text({"device": "cpu", "minutes": 1.0, "begun": "now", "parts": {"kernels": own}}, [part])
    assert "| yes     | 1,234,567" in text
    assert "A note." in text
    assert word(0.123456) == "0.1235"
    assert word(None) == ""
