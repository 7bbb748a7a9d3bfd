"""Presets: every file composes, and its sweep is cells × seeds narrowed by what the user gives."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.config.compose import compose_run
from experiments.config.identity import run_hash
from experiments.errors import UserError
from experiments.studies.cells import cells_of, value_at
from experiments.studies.expansion import expand, expand_jobs
from experiments.studies.presets import Preset, load_preset, preset_names, reference_cell
from experiments.studies.presets import typed_preset as preset_of

PLAN = OmegaConf.create(
    {
        "name": "p",
        "title": "P",
        "seeds": 2,
        "comparison": "welch",
        "cells": ["activation=gelu", "activation=gem N=1", "activation=gem N=2"],
    }
)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_composes(name: str) -> None:
    plan = load_preset(name)
    cells = cells_of(plan)
    assert plan.name == name
    assert [cell.overrides for cell in cells] == plan.cells
    assert all(value_at(cells[-1].config, key) is not None for axes in plan.maps for key in axes)
    assert plan.metric.startswith(("test_", "val_"))


@pytest.mark.parametrize("name", ["depth", "ablation_readings", "table_mnist"])
def test_cells_are_what_train_py_would_be_given(name: str) -> None:
    cell = cells_of(load_preset(name))[-1]
    assert run_hash(compose_run([f"experiment={name}", *cell.overrides.split()])) == cell.run


def test_a_cell_leaves_no_trace_in_the_next(preset: Preset) -> None:
    """One composed configuration serves all cells of a group: values set for one are taken back."""
    texts = ["activation=gelu", "activation=egem eps=1e-2 activation.convention=scale", "activation=egem"]
    first = cells_of(dataclasses.replace(preset, cells=[texts[0], texts[2]]))
    second = cells_of(dataclasses.replace(preset, cells=texts))
    assert [cell.run for cell in first] == [second[0].run, second[2].run]


def test_twins_and_unknown_names_are_refused(preset: Preset) -> None:
    with pytest.raises(UserError, match="one configuration: activation=egem; activation=egem eps=1e-4"):
        cells_of(dataclasses.replace(preset, cells=["activation=egem", "activation=egem eps=1e-4"]))
    with pytest.raises(UserError, match="activation=sigmoidal: must be one of"):
        cells_of(dataclasses.replace(preset, cells=["activation=sigmoidal"]))


def test_grids_are_products_added_to_the_cells() -> None:
    plan = preset_of(OmegaConf.merge(PLAN, {"grids": [[["activation=gelu", "activation=gem N=3"], ["recipe.lr=0.1"]]]}))
    assert plan.cells[3:] == ["activation=gelu recipe.lr=0.1", "activation=gem N=3 recipe.lr=0.1"]
    assert reference_cell(plan, plan.cells[4]) == plan.cells[3]
    assert reference_cell(plan, plan.cells[2]) == "activation=gelu"


def test_cells_times_seeds_with_seeds_outermost() -> None:
    jobs = expand(preset_of(PLAN), [["experiment=p"]])
    assert len(jobs) == 6
    assert [job[0] for job in jobs] == ["seed=0"] * 3 + ["seed=1"] * 3
    assert "activation=gem" in jobs[2]
    assert "N=2" in jobs[2]


def test_explored_seeds_belong_to_the_table_that_explored() -> None:
    jobs = expand(preset_of(OmegaConf.merge(PLAN, {"seeds": 4, "explored": 2})), [[]])
    assert {job[0] for job in jobs} == {"seed=2", "seed=3"}


def test_user_narrows_cells_and_seeds_by_value() -> None:
    jobs = expand(preset_of(PLAN), [["activation=gem", "N=2.0", "seed=1"]])
    assert jobs == [["seed=1", "activation=gem", "N=2"]]


def test_a_key_that_some_cells_set_leaves_out_the_others() -> None:
    """GELU takes no N: asking for N = 1 is asking for GEM."""
    assert expand(preset_of(PLAN), [["N=1", "seed=0"]]) == [["seed=0", "N=1", "activation=gem"]]


def test_other_keys_are_added_to_every_cell() -> None:
    assert all("impl=fast" in job for job in expand(preset_of(PLAN), [["impl=fast"]]))


def test_two_presets_are_refused() -> None:
    """They would be run as none: the defaults, once for each name."""
    with pytest.raises(UserError, match="experiment=p,q: must be one preset; give the command once for each"):
        expand_jobs(None, [["experiment=p", "seed=0"], ["experiment=q", "seed=0"]], Path("none"))


def test_without_a_preset_the_jobs_stay() -> None:
    assert expand_jobs(None, [["a=1"], ["a=2"]], Path("none")).jobs == [["a=1"], ["a=2"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": []}, "experiment.cells: no cell given"),
        ({"reference": "activation=relu"}, "experiment.reference=activation=relu"),
        ({"published": [{"cell": "x", "value": 1, "source": "s"}]}, "experiment.published: x"),
        ({"published": [{"cell": "activation=gelu", "source": "s"}]}, "a value or a difference"),
        ({"cells": ["activation=gelu", "activation=gem recipe.lr=1"]}, "'activation=gelu recipe.lr=1' must be one"),
        ({"seeds": 0}, "experiment.seeds=0"),
        ({"families": [["gelu"]]}, r"experiment.families=\[gelu\]: must be lists of activations with two cells"),
        ({"families": ["gem"]}, "experiment.families=gem: must be lists of activations"),
        (
            {"cells": ["activation=gelu recipe.lr=1", "activation=gelu"], "families": [["gelu"]]},
            "that vary nothing else",
        ),
        ({"explored": 2}, "experiment.explored=2: must be below experiment.seeds=2"),
        ({"margin": 0}, "experiment.margin=0"),
        ({"colour": 1}, "experiment.colour=1: unknown"),
    ],
)
def test_a_wrong_preset_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        preset_of(OmegaConf.merge(PLAN, change))


def test_what_changed_in_another_plan_is_not_inherited() -> None:
    assert load_preset("table_mnist").changed is not None
    assert load_preset("table_mnist_claim").changed is None  # builds on it
