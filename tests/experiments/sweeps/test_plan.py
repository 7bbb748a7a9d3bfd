"""Words to runs: the same as train.py -m, typed now, each run once; what was frozen comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hydra.errors import HydraException

from experiments.config.compose import compose_run
from experiments.config.identity import run_hash
from experiments.errors import UserError
from experiments.sweeps.plan import expand_words, plan, thaw

DIGITS = ["dataset=digits", "recipe=digits"]


def test_a_preset_expands_as_in_a_sweep(tmp_path: Path) -> None:
    jobs = expand_words(
        ["experiment=quickstart", "fresh=true", "activation=gelu,gem", "seed=0,1", f"runs_dir={tmp_path}"]
    )
    runs, wrong = plan(jobs.jobs)
    assert not wrong
    names = [run.title.rpartition("/")[0].rpartition("-")[0] + "/" + run.directory.name for run in runs]
    assert sorted(names) == ["gelu/seed0", "gelu/seed1", "gem/seed0", "gem/seed1"]
    assert all(run.config.tags == ["quickstart"] for run in runs)


def test_places_are_absolute_and_what_differs_in_the_seed_alone_is_the_same_configuration() -> None:
    runs, _ = plan(expand_words([*DIGITS, "seed=0,1,2", "recipe.lr=0.1"]).jobs)
    assert [run.config.seed for run in runs] == [0, 1, 2]
    assert len({run_hash(run.config) for run in runs}) == 1
    assert run_hash(runs[2].config) == run_hash(compose_run([*DIGITS, "seed=2", "recipe.lr=0.1"]))
    assert all(Path(getattr(run.config, key)).is_absolute() for run in runs for key in ("runs_dir", "data_dir"))


def test_one_number_written_three_ways_is_one_run() -> None:
    runs, _ = plan(expand_words([*DIGITS, "activation=egem", "eps=1e-4,0.0001,1.0e-4"]).jobs)
    assert len(runs) == 1


def test_malformed_runs_are_set_apart() -> None:
    runs, wrong = plan(expand_words([*DIGITS, "activation=gem", "N=1,0,2", "seed=0,-1"]).jobs)
    assert len(runs) == 2
    assert sorted(wrong) == sorted(" ".join([*DIGITS, "activation=gem", f"N={n}", f"seed={s}"])
                                   for n, s in ((0, 0), (0, -1), (1, -1), (2, -1)))  # fmt: skip
    assert all("seed=-1: must be an integer of at least 0" in text for name, text in wrong.items() if "N=1" in name)


def test_words_that_are_no_overrides() -> None:
    with pytest.raises(HydraException):
        expand_words(["seed"])


@pytest.mark.parametrize(
    "words",
    [
        ["experiment=quickstart", "activation=egem", "eps=1e-4", "seed=1", "model.width=12"],
        ["dataset=imdb", "model=gpt2_tiny", "recipe=gpt2_tiny", "activation=gem"],
    ],
)
def test_frozen_and_thawed(words: list[str]) -> None:
    (run,), wrong = plan(expand_words(words).jobs)
    assert not wrong
    frozen = json.loads(json.dumps(run.frozen()))
    assert thaw(frozen) == run.config
    frozen["config"]["recipe"]["lr"] = 0.3
    with pytest.raises(UserError, match="changed since it was submitted"):
        thaw(frozen)
