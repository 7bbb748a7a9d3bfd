"""Sweeps: the cells and seeds of a preset, narrowed by the user; a run that fails does not stop the others."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from experiments import exits
from experiments.config.compose import compose
from experiments.errors import Busy, UserError
from experiments.files import read_json
from experiments.studies.expansion import expand, expand_jobs
from experiments.studies.presets import typed_preset
from tests.experiments.zygote import Zygote

PRESET = ("experiment=quickstart", "recipe.max_steps=2")


def runs(runs_dir: Path) -> list[str]:
    """<activation>/<seed> of every finished run."""
    paths = [path.parent for path in runs_dir.glob("*/*/*/metrics.json")]
    return sorted(f"{path.parent.name.rpartition('-')[0]}/{path.name}" for path in paths)


def jobs(*given: str) -> list[list[str]]:
    return expand(typed_preset(compose(["experiment=quickstart"]).experiment), [list(given)])


def test_every_cell_with_every_seed_seeds_outermost() -> None:
    expanded = jobs("experiment=quickstart")
    assert len(expanded) == 6 * 3
    assert [job[0] for job in expanded] == [f"seed={seed}" for seed in range(3) for _ in range(6)]
    assert {job[-1] for job in expanded} == {
        f"activation={n}" for n in ("relu", "gelu", "golu", "gem", "egem", "segem")
    }


def test_what_the_user_gives_narrows_or_is_added() -> None:
    assert len(jobs("activation=gelu")) == 3
    assert jobs("activation=gelu", "seed=7") == [["seed=7", "activation=gelu"]]
    with pytest.raises(UserError, match=r"activation=tanh: no cell of experiment=quickstart .* activation=relu,gelu,"):
        jobs("activation=tanh")
    assert all("recipe.lr=0.2" in job for job in jobs("recipe.lr=0.2"))


def test_numbers_select_by_value() -> None:
    plan = typed_preset(
        OmegaConf.create(
            {
                "name": "x",
                "title": "x",
                "seeds": 1,
                "cells": ["activation=egem eps=1e-4"],
                "reference": "activation=egem eps=1e-4",
                "comparison": "welch",
            }
        )
    )
    assert len(expand(plan, [["eps=0.0001"]])) == 1
    with pytest.raises(UserError, match=r"eps=0\.001: no cell of experiment=x has this; its cells have eps=1e-4"):
        expand(plan, [["eps=0.001"]])


def test_no_preset_no_change() -> None:
    assert expand_jobs(None, [["seed=1", "activation=gelu"]], Path("none")).jobs == [["seed=1", "activation=gelu"]]


def test_a_preset_narrowed_on_the_command_line(train: Zygote, tmp_path: Path) -> None:
    line = ("-m", *PRESET, "activation=gelu,gem", "seed=0,1", f"runs_dir={tmp_path}/runs")
    ended = train.run(*line, cwd=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    assert runs(tmp_path / "runs") == ["gelu/seed0", "gelu/seed1", "gem/seed0", "gem/seed1"]
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    again = train.run(*line, cwd=tmp_path)
    assert again.out.count("finished before: ") == 4


def test_a_run_that_fails_in_the_middle_does_not_stop_the_others(train: Zygote, tmp_path: Path) -> None:
    line = ("-m", "dataset=digits", "recipe=digits", "recipe.max_steps=2", "activation=gem", "N=1,0,2")
    ended = train.run(*line, f"runs_dir={tmp_path}")
    assert ended.status == 2
    assert runs(tmp_path) == ["gem/seed0", "gem/seed0"]
    first, summary, failure = ended.err.splitlines()
    assert first.startswith("error: activation=gem: N must be")
    assert summary == "1 of 3 runs failed:"
    assert "N=0" in failure


def test_a_run_that_diverges_in_the_middle(train: Zygote, tmp_path: Path) -> None:
    line = ("-m", "dataset=digits", "recipe=digits", "recipe.max_steps=9", "recipe.lr=0.1,1e30,0.2")
    assert train.run(*line, f"runs_dir={tmp_path}").status == 3
    statuses = sorted(read_json(path)["status"] for path in tmp_path.glob("*/*/*/metrics.json"))
    assert statuses == ["diverged", "finished", "finished"]


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> exits.Outcomes:
    job = SimpleNamespace(overrides=SimpleNamespace(task=["seed=0"]))
    monkeypatch.setattr(exits, "HydraConfig", SimpleNamespace(get=lambda: job))
    return exits.Outcomes()


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("seed=x: must be …"), 2, "error: seed=x: must be …"),
        (Busy("held"), 75, "held"),
        (PermissionError(13, "Permission denied", "file"), 2, "error: file: Permission denied"),
        (ZeroDivisionError("a mistake"), 1, "ZeroDivisionError: a mistake"),
    ],
)
def test_every_failure_counts(
    outcomes: exits.Outcomes, capsys: pytest.CaptureFixture[str], error: Exception, status: int, line: str
) -> None:
    """Hydra itself passes over an exception in a sweep: the command would end with 0."""

    def fail(cfg: object) -> int:
        raise error

    outcomes.add(OmegaConf.create(), fail)
    outcomes.add(OmegaConf.create(), lambda cfg: 0)
    assert outcomes.worst() == status
    assert capsys.readouterr().err.splitlines()[-1] == line
    assert len(outcomes.failures) == 1
