"""``scripts/submit.py impl.seeds_per_process=K``: a fork trains a group; every run has its own line and state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.files import read_json
from experiments.sweeps import folder
from tests.experiments.zygote import ROOT, environment

LINE = ("dataset=digits", "recipe=digits", "model=mlp", "model.width=16", "activation=relu,gelu", "seed=0,1,2")


@pytest.mark.slow
def test_groups_are_trained_by_one_fork_each(tmp_path: Path) -> None:
    words = [*LINE, "recipe.epochs=1", "impl.seeds_per_process=2", "impl.together=vectorised", f"runs_dir={tmp_path}"]
    command = [sys.executable, "scripts/submit.py", "dirty=true", *words]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    first, *lines = ended.stdout.splitlines()
    assert first == "runs: 6 runs: 6 new"
    titles = sorted(line.split()[1].rstrip(":") for line in lines)
    assert titles == sorted(f"{path.parent.name}/{path.name}" for path in tmp_path.glob("*/*/seed*"))
    for line in lines:
        title = line.split()[1].rstrip(":")
        assert ": finished: train loss" in line
        assert line.endswith(title)
    companions = {
        path.parent.name: [name.partition("/")[2] for name in read_json(path)["parts"][0]["vectorised"]]
        for path in tmp_path.glob("*/gelu*/*/meta.json")
    }
    assert companions == {"seed0": ["seed0", "seed1"], "seed1": ["seed0", "seed1"], "seed2": []}
    (sweep,) = folder.sweeps(tmp_path)
    ends = [event for event in sweep.events() if event["event"] == "ended"]
    assert sorted(event["run"] for event in ends) == list(range(6))
    assert {event["status"] for event in ends} == {0}
    pids = [event["pid"] for event in sweep.events() if event["event"] == "begun"]
    assert len(set(pids)) == 4


def test_the_probe_says_it_for_every_network_and_submits_nothing(tmp_path: Path) -> None:
    words = [word for word in LINE if "width" not in word] + ["model.width=8,16", "probe=true", f"runs_dir={tmp_path}"]
    command = [sys.executable, "scripts/submit.py", *words, "impl.threads=1"]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("digits, mlp, 3 seeds: impl.seeds_per_process=")
        assert " times with 3 seeds the images a second of single runs" in line
    assert not any(tmp_path.iterdir())
