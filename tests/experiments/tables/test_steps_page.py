"""The page of steps, on a recorded table: which rows are compared, and the figures of a step."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.config.compose import composed_once
from experiments.errors import UserError
from experiments.studies.naming import signed
from experiments.studies.presets import typed_preset
from experiments.tables.recorded import recorded
from experiments.tables.steps_page import steps_markdown, steps_of
from experiments.tables.table import Table

RESULTS = Path(__file__).parents[3] / "results"


@pytest.fixture(scope="module")
def table() -> Table:
    found = recorded("ablation_n_digits", RESULTS)
    assert found
    return dataclasses.replace(
        found, preset=dataclasses.replace(found.preset, steps=["activation.N", "activation.eps"])
    )


def test_steps_join_neighbouring_values_and_nothing_else(table: Table) -> None:
    for key, name in (("activation.N", "N"), ("activation.eps", "eps")):
        steps = steps_of(table, key)
        assert steps
        for step in steps:
            assert step.smaller < step.larger
            before, after = step.before.cell.config.activation, step.after.cell.config.activation
            assert before["name"] == after["name"] or {before["name"], after["name"]} == {"gem", "egem"}
            for other in {"N", "eps"} - {name}:
                assert before.get(other, 1.0) == after.get(other, 1.0)


def test_page_shows_the_paired_difference_of_each_step(table: Table) -> None:
    steps = [step for key in table.preset.steps for step in steps_of(table, key)]
    lines = [line for line in steps_markdown(table).splitlines() if "→" in line]
    assert len(lines) == len(steps)
    first = steps[1]
    seeds = sorted(first.before.values.keys() & first.after.values.keys())
    mean = sum(first.after.values[seed] - first.before.values[seed] for seed in seeds) / len(seeds)
    cells = [cell.strip() for cell in lines[1].split("|")[1:-1]]
    assert cells[1:4] == ["GEM", "N 2 → 3", str(len(seeds))]
    assert cells[4].startswith(signed(mean, table.digits))
    assert f"over the {len(steps)} steps" in steps_markdown(table)


def test_steps_need_a_single_look() -> None:
    node = OmegaConf.create(OmegaConf.to_container(composed_once("experiment=battery_poisson").experiment))
    node.steps = ["activation.N"]
    with pytest.raises(UserError, match=r"one number of seeds where experiment\.steps is given"):
        typed_preset(node)
