"""Presets: every file composes, and its sweep is cells × seeds narrowed by what the user gives."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from experiments.cells import cells_of
from experiments.errors import UserError
from experiments.presets import expand, load, names, preset

PLAN = OmegaConf.create(
    {"name": "p", "title": "P", "seeds": 2, "cells": ["activation=gelu", "activation=gem N=1", "activation=gem N=2"]}
)


@pytest.mark.parametrize("name", names())
def test_every_preset_composes(name: str) -> None:
    plan = load(name)
    assert plan.name == name
    assert len({cell.run for cell in cells_of(plan)}) == len(plan.cells)


def test_cells_times_seeds_with_seeds_outermost() -> None:
    jobs = expand(PLAN, [["experiment=p"]])
    assert len(jobs) == 6
    assert [job[0] for job in jobs] == ["seed=0"] * 3 + ["seed=1"] * 3
    assert "activation=gem" in jobs[2]
    assert "N=2" in jobs[2]


def test_user_narrows_cells_and_seeds_by_value() -> None:
    jobs = expand(PLAN, [["activation=gem", "N=2.0", "seed=1"]])
    assert jobs == [["seed=1", "activation=gem", "N=2"]]


def test_other_keys_are_added_to_every_cell() -> None:
    assert all("impl=fast" in job for job in expand(PLAN, [["impl=fast"]]))


def test_without_a_preset_the_jobs_stay() -> None:
    assert expand(None, [["a=1"], ["a=2"]]) == [["a=1"], ["a=2"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": []}, "experiment.cells"),
        ({"reference": "activation=relu"}, "experiment.reference=activation=relu"),
        ({"published": [{"cell": "x", "value": 1, "source": "s"}]}, "experiment.published: x"),
        ({"seeds": 0}, "experiment.seeds=0"),
        ({"colour": 1}, "experiment.colour: unknown"),
    ],
)
def test_a_wrong_preset_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        preset(OmegaConf.merge(PLAN, change))
