"""``scripts/submit.py launcher=local``: parallel, from frozen code, safe to repeat, one line for bad input."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from experiments.files import read_json
from experiments.studies.expansion import Expansion
from scripts.submit import main
from tests.experiments.results import TINY, result
from tests.experiments.zygote import ROOT, Zygote, environment

SUBMIT = "scripts/submit.py"
LINE = [sys.executable, SUBMIT]


def submit(*words: str) -> subprocess.CompletedProcess[str]:
    # dirty=true: these tests run in whatever tree they are run in
    return subprocess.run([*LINE, "dirty=true", *words], cwd=ROOT, env=environment(), capture_output=True, text=True)


@pytest.mark.slow
def test_side_by_side_as_alone(train: Zygote, tmp_path: Path) -> None:
    """Also a single run; the result is that of train.py, and what failed is listed with its name."""
    ended = submit(*TINY, "recipe.lr=0.1,1e30", "jobs=2", f"runs_dir={tmp_path}/runs")
    assert (ended.returncode, ended.stderr) == (3, "")
    lines = ended.stdout.splitlines()
    assert lines[0] == "runs: 2 runs: 2 new"
    assert sorted(line.partition(": ")[2].partition(":")[0] for line in lines[1:]) == ["diverged", "finished"]
    assert all("/seed0: " in line for line in lines[1:])
    again = submit(*TINY, "recipe.lr=0.1,1e30", "jobs=2", f"runs_dir={tmp_path}/runs")
    assert again.stdout.startswith("runs: 2 runs: 1 finished before, 1 diverged before")
    single = submit(*TINY, f"runs_dir={tmp_path}/single")
    assert single.returncode == 0
    assert train.run(*TINY, f"runs_dir={tmp_path}/alone").status == 0
    assert result(tmp_path / "single") == result(tmp_path / "alone")


@pytest.mark.parametrize(("statuses", "ended"), [([0, 0], 0), ([3, 0], 3), ([75], 75), ([2], 2), ([1], 1)])
def test_the_stages_of_a_study_follow_each_other(
    statuses: list[int], ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a run that diverged, as high rates may in a tuning; not after a failure or a signal."""
    jobs = [[Mock()], [Mock()], []]
    stages = iter([Expansion(each, title="stage") for each in jobs])
    ends = iter(statuses)
    monkeypatch.setattr("scripts.submit.expand_words", lambda words: next(stages))
    monkeypatch.setattr("scripts.submit.submit_runs", lambda *words: Mock(wrong=[]))
    monkeypatch.setattr("scripts.submit.run_here", lambda sweep: next(ends))
    assert main(["experiment=any"]) == ended
    assert next(ends, None) is None


@pytest.mark.slow
def test_stopped_and_continued(train: Zygote, tmp_path: Path) -> None:
    words = [*TINY, "recipe.epochs=60", "seed=0,1", f"runs_dir={tmp_path}/runs"]
    line = [*LINE, "dirty=true", *words]
    process = subprocess.Popen(line, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    while not any((tmp_path / "runs").glob("*/*/*/metrics.jsonl")):
        assert process.poll() is None
        time.sleep(0.01)
    busy = submit(*words)
    assert busy.stdout == "runs: 2 runs: 2 queued already\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate()
    assert process.returncode == 75, out
    assert out.endswith("stopped by SIGTERM\nsubmit again to continue\n")
    ended = submit(*words)
    assert ended.returncode == 0, ended
    assert ended.stdout.startswith("runs: 2 runs: 1 to be continued, 1 new")
    (meta,) = (tmp_path / "runs").glob("*/*/seed0/meta.json")
    assert [part["from_step"] > 0 for part in read_json(meta)["parts"]] == [False, True]


def test_what_is_recorded_may_be_left_alone(train: Zygote, tmp_path: Path) -> None:
    words = ["dirty=true", "experiment=table_mnist_claim", f"runs_dir={tmp_path}/runs", "--dry-run"]
    ended = train.script(SUBMIT, *words)
    assert ended.out.startswith("20 runs are in results/records and not trained again; fresh=true trains them\n")
    assert ended.out.endswith("nothing to submit: every run is finished or recorded\n")
    assert "20 runs: 20 new\n" in train.script(SUBMIT, *words, "fresh=true").out
    ended = train.script(SUBMIT, *words, "seed=8,9,1000")
    assert ended.out.startswith("4 runs are in results/records and not trained again")
    assert "2 runs: 2 new\n" in ended.out
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["jobs=0"], ["jobs=0", "an integer of at least 1"]),
        (["dirty=yes"], ["dirty=yes", "true or false"]),
        (["dirty=true", "fresh=perhaps"], ["fresh=perhaps", "true or false"]),
        (["per_gpu=4"], ["per_gpu=4", "launcher=local"]),
        (["launcher.partition=gpu"], ["launcher.partition=gpu", "launcher=local"]),
        (["launcher=nope"], ["launcher=nope", "slurm"]),
        (["activation=sigmoidal"], ["activation=sigmoidal"]),
        (["experiment=nope"], ["experiment=nope", "quickstart"]),
        (["launcher=slurm"], ["no sbatch on the PATH", "launcher=local"]),
        (["experiment=quickstart", "activation=mish"], ["no cell"]),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    train: Zygote, tmp_path: Path, words: list[str], parts: list[str]
) -> None:
    ended = train.script(SUBMIT, *words, f"runs_dir={tmp_path}/runs", env={"PATH": "/nowhere"})
    assert ended.status == 2, ended
    assert ended.err.startswith("error: ")
    assert all(part in ended.err for part in parts), ended.err
    assert not any(tmp_path.iterdir())
