"""A family of another package, without an edit here: it trains, resumes bit for bit, and has tables."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.files import read_json
from tests.experiments.families.toy import install_toy
from tests.experiments.results import result
from tests.experiments.zygote import ROOT, environment


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return install_toy(tmp_path / "site")


def command(toy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = environment() | {"PYTHONPATH": f"{ROOT}:{toy}", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=own, capture_output=True, text=True, check=False)


SINE = ("train.py", "dataset=sine", "model=line", "activation=gem", "N=1")


def test_it_trains_and_says_its_metrics(toy: Path, tmp_path: Path) -> None:
    ended = command(toy, *SINE, f"runs_dir={tmp_path}/runs")
    assert ended.returncode == 0, ended.stderr
    last = ended.stdout.splitlines()[-1]
    assert last.startswith("finished: test error 0.")
    assert " V, test R² " in last
    found = read_json(next(tmp_path.glob("runs/sine-line/gem-*/seed0/metrics.json")))
    assert {"test_rmse", "test_r2", "dead_units"} <= set(found)


def test_it_resumes_bit_for_bit(toy: Path, tmp_path: Path) -> None:
    words = (*SINE, "impl=deterministic", "impl.save_every_seconds=0")
    assert command(toy, *words, f"runs_dir={tmp_path}/whole").returncode == 0
    own = environment() | {"PYTHONPATH": f"{ROOT}:{toy}", "OMP_NUM_THREADS": "1"}
    line = [sys.executable, *words, f"runs_dir={tmp_path}/killed"]
    process = subprocess.Popen(line, cwd=ROOT, env=own, stdout=subprocess.DEVNULL)
    while process.poll() is None and not any(tmp_path.glob("killed/*/*/seed0/checkpoints/*.pt")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert command(toy, *words, f"runs_dir={tmp_path}/killed").returncode == 0
    assert result(tmp_path / "killed") == result(tmp_path / "whole")


def test_better_is_what_the_family_declares(toy: Path, tmp_path: Path) -> None:
    """The same runs under two metrics: a lower error and a higher R² are both better."""
    places = (f"runs_dir={tmp_path}/runs", f"results_dir={tmp_path}")
    verdicts = {}
    for metric in ("rmse", "r2"):
        assert command(toy, "train.py", "-m", f"experiment=sine_{metric}", places[0]).returncode == 0
        made = command(toy, "scripts/aggregate.py", f"table=sine_{metric}", *places)
        assert made.returncode == 0, made.stderr
        text = (tmp_path / "tables" / f"sine_{metric}.csv").read_text()
        rows = list(csv.DictReader(io.StringIO(text)))
        (row,) = [row for row in rows if row["overrides"] == "activation=softplus"]
        verdicts[metric] = float(row["difference"]), row["verdict"]
    (error, of_error), (r2, of_r2) = verdicts["rmse"], verdicts["r2"]
    assert error > 0 > r2
    assert of_error.split()[0] == of_r2.split()[0] == "worse"
    assert of_error.endswith(" V")


def test_a_metric_that_is_not_declared_is_one_line(toy: Path, tmp_path: Path) -> None:
    preset = toy / "gem_sines" / "configs" / "experiment" / "sine_r2.yaml"
    preset.write_text(preset.read_text().replace("metric: test_r2", "metric: test_r3"))
    ended = command(toy, "scripts/plan.py", "experiment=sine_r2")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "error: experiment.metric=test_r3: is no metric of the family sines; did you mean test_r2?\n"


def test_a_recipe_of_another_family_is_one_line(toy: Path, tmp_path: Path) -> None:
    ended = command(toy, *SINE, "recipe=mnist", f"runs_dir={tmp_path}")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: recipe=mnist: is for images, model=line is for sines; choose a recipe for ")
    assert ended.stderr.count("\n") == 1
