"""A battery that is submitted: the plan first, then one stage of every task."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.config.compose import compose_launcher, compose_run
from experiments.studies.results import Results
from experiments.trial import trial as module
from experiments.trial.battery import tasks_of
from experiments.trial.candidate import read_candidate
from experiments.trial.trial import Trial, submit_battery
from tests.experiments.zygote import ROOT, Zygote

TARGET = f"{ROOT}/gallery/telu.py:telu"
SBATCH = '#!/bin/sh\nfor last; do :; done\ncat "$last" >> "{log}"\necho "Submitted batch job 4242"\n'


def planned(tmp_path: Path, launcher: list[str] | None) -> tuple[Trial, Results]:
    candidate = read_candidate([f"activation={TARGET}"])
    settings = compose_launcher(launcher) if launcher else None
    asked = Trial(candidate, ["gelu"], "gpu", 1, False, False, tmp_path, "python scripts/trial.py", settings)
    return asked, Results(str(tmp_path / "runs"), None)


@pytest.mark.parametrize("launcher", [None, ["launcher=slurm", "launcher.partition=gpu"]])
def test_the_plan_comes_before_anything_is_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], launcher: list[str] | None
) -> None:
    asked, results = planned(tmp_path, launcher)
    tasks = tasks_of("gpu", asked.candidate.overrides, asked.against)[:2]
    submitted, shown_before = [], []

    def note(jobs: list[list[str]], name: str, settings: dict[str, object]) -> None:
        shown_before.append(capsys.readouterr().out)
        submitted.append((jobs, name, settings["partition"]))

    monkeypatch.setattr(module, "every_record", lambda folder: [])
    monkeypatch.setattr(module, "submit_runs", note)
    assert not submit_battery(asked, tasks, results)
    if launcher is None:
        shown = capsys.readouterr().out
        assert (
            "CIFAR-10, ResNet-56, tuned\n  runs   12 of tuning, at most 24 counted (looks at 5, 8, 12 seeds)" in shown
        )
        assert "time   cannot be estimated before a run" in shown
        assert "12 seeds find 0.25 points" in shown
        assert "nothing was submitted; to submit it: python scripts/trial.py launcher=slurm" in shown
        assert submitted == []
    else:
        assert "in all: at most" in shown_before[0]
        assert [(len(jobs), name, where) for jobs, name, where in submitted] == [
            (12, "slurm", "gpu"),
            (6, "slurm", "gpu"),
        ]
        config = compose_run(submitted[0][0][0])
        assert (config.activation["name"], config.dataset.name, config.recipe.lr) == ("custom", "cifar10", 0.03)
        assert config.runs_dir == str(tmp_path / "runs")


def test_no_slurm_is_told_before_anything_is_made(train: Zygote, tmp_path: Path) -> None:
    words = [f"activation={TARGET}", "battery=gpu", f"results_dir={tmp_path}"]
    for more, parts in ((["launcher=slurm"], "no sbatch"), (["launcher.partition=a"], "is for launcher=slurm")):
        ended = train.script("scripts/trial.py", *words, *more, env={"PATH": "/nowhere"})
        assert ended.status == 2
        assert parts in ended.err
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_through_a_fake_sbatch(train: Zygote, tmp_path: Path) -> None:
    """Every task becomes an array; typed again, nothing is submitted twice as long as Slurm has the jobs."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sbatch").write_text(SBATCH.format(log=tmp_path / "sbatch.log"))
    for name in ("srun", "squeue"):
        (tools / name).write_text("#!/bin/sh\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    words = [f"activation={TARGET}", "battery=gpu", "against=gelu", f"results_dir={tmp_path}/results"]
    slurm = ["launcher=slurm", "launcher.partition=gpu", "launcher.dirty=true", "launcher.runs_per_job=4"]
    ended = train.script("scripts/trial.py", *words, *slurm, env={"PATH": f"{tools}:/usr/bin:/bin"})
    assert ended.status == 0, ended
    assert "battery_gpu_cifar10: 12 runs: 12 new" in ended.out
    assert ended.out.index("in all: at most") < ended.out.index("12 new")
    log = (tmp_path / "sbatch.log").read_text()
    assert log.count("#SBATCH --partition=gpu") == 5
    assert "#SBATCH --array=0-2" in log
    assert (tmp_path / "results" / "trials" / "telu" / "index.html").exists()
