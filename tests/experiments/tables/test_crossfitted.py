"""Rates chosen from the existing runs: the effect of a shared rate on activations whose best rates differ."""

from __future__ import annotations

import dataclasses

import pytest

from experiments.report.verdicts import sentences
from experiments.studies.cells import Cell, cells_of
from experiments.studies.presets import Preset, load_preset
from experiments.tables.crossfitted import cross_fitted_rows
from experiments.tables.overall import overall_rows
from experiments.tables.render import latex, markdown
from experiments.tables.table import Table, build
from tests.synthetic import record

RATES = ("recipe.lr=0.1", "recipe.lr=0.01")
NOISE = (-0.3, -0.1, 0.0, 0.1, 0.2, 0.1)


@pytest.fixture(scope="module")
def grid() -> Preset:
    plan = load_preset("quickstart")
    names = ("activation=gelu", "activation=gem N=2")
    return dataclasses.replace(
        plan, seeds=len(NOISE), crossfit="recipe.lr", cells=[f"{name} {rate}" for name in names for rate in RATES]
    )


@pytest.fixture(scope="module")
def cells(grid: Preset) -> list[Cell]:
    return cells_of(grid)


def table_of(grid: Preset, cells: list[Cell], runs: int = 24) -> Table:
    """GELU is best at 0.1 (90), GEM at 0.01 (90); each loses 5 points at the other's rate."""
    best = {"activation=gelu recipe.lr=0.1", "activation=gem N=2 recipe.lr=0.01"}
    own = [
        record(c, s, 90 - 5 * (c.overrides not in best) + noise + 0.01 * (i * s % 5))
        for i, c in enumerate(cells)
        for s, noise in enumerate(NOISE)
    ]
    return build(grid, cells, own[:runs])


def test_a_lead_at_the_shared_rate_is_gone_at_own_rates(grid: Preset, cells: list[Cell]) -> None:
    """The preset's own rate is 0.1, GELU's best."""
    gelu, gem = cross_fitted_rows(table_of(grid, cells))
    assert (gelu.at_common, gelu.at_own) == (None, None)
    assert gem.at_common
    assert gem.at_own
    assert gem.at_common.estimate.value == pytest.approx(-5, abs=0.05)
    assert gem.at_common.kind == "worse"
    assert gem.at_own.estimate.value == pytest.approx(0, abs=0.05)
    assert gem.at_own.kind == "open"
    assert (set(gelu.chosen.values()), set(gem.chosen.values())) == ({"0.1"}, {"0.01"})


def test_it_stands_before_the_rows(grid: Preset, cells: list[Cell]) -> None:
    table = table_of(grid, cells)
    text = markdown(table)
    title = text.index("## Each activation at its own recipe.lr")
    assert text.index("## Over the 2 settings") < title < text.index("## Setting by setting")
    assert "These comparisons were not planned" in text
    told = " ".join(sentences(table, overall_rows(table)))
    assert "With recipe.lr chosen for each activation from these runs, the differences to GELU are " in told
    assert "none of 1 significant." in told
    assert "Each activation at its own recipe.lr" in latex(table)


def test_a_missing_run_or_no_key_leaves_it_out(grid: Preset, cells: list[Cell]) -> None:
    assert cross_fitted_rows(table_of(grid, cells, runs=23)) == []
    assert cross_fitted_rows(table_of(dataclasses.replace(grid, crossfit=None), cells)) == []
