"""Activations over all settings of a grid, from synthetic records whose truth is known."""

from __future__ import annotations

import csv
import io

import pytest

from experiments.records.record import Record
from experiments.report.verdicts import sentences
from experiments.studies.cells import Cell, cells_of
from experiments.studies.presets import Preset, load_preset
from experiments.tables.csv_file import csv_text
from experiments.tables.overall import overall_rows
from experiments.tables.render import latex, markdown
from experiments.tables.table import Table, build
from tests.synthetic import record

SETTINGS = ("recipe.lr=0.1", "recipe.lr=0.01", "recipe.lr=1e-4")
NOISE = (-0.2, 0.0, 0.1, 0.3)


@pytest.fixture(scope="module")
def grid() -> Preset:
    plan = load_preset("quickstart")
    plan.seeds = len(NOISE)
    names = ("activation=gelu", "activation=relu", "activation=gem N=2")
    plan.cells = [f"{name} {setting}" for name in names for setting in SETTINGS]
    return plan


@pytest.fixture(scope="module")
def cells(grid: Preset) -> list[Cell]:
    return cells_of(grid)


def records(cells: list[Cell], offsets: dict[str, float]) -> list[Record]:
    """A seed moves all settings alike; the settings lie far apart."""
    return [
        record(c, s, 90 - 10 * (i % 3) + noise + offsets.get(c.overrides, 0))
        for i, c in enumerate(cells)
        for s, noise in enumerate(NOISE)
    ]


@pytest.fixture(scope="module")
def table(grid: Preset, cells: list[Cell]) -> Table:
    """ReLU 3 points ahead in one of three settings and level in the others, GEM 3 points behind in all."""
    offsets = {"activation=relu recipe.lr=0.01": 3.0} | {f"activation=gem N=2 {each}": -3.0 for each in SETTINGS}
    return build(grid, cells, records(cells, offsets))


def test_the_mean_over_settings_is_taken_by_seed(table: Table) -> None:
    gelu, relu, gem = overall_rows(table)
    assert [row.title for row in overall_rows(table)] == ["GELU", "ReLU", "GEM (N=2)"]
    assert gelu.values == pytest.approx({seed: 80 + noise for seed, noise in enumerate(NOISE)})
    assert gelu.is_reference
    assert relu.verdict is not None
    assert relu.difference == pytest.approx(1)
    assert relu.summary.sd == pytest.approx(gelu.summary.sd)
    assert (relu.settings, relu.compared, relu.ahead, relu.better, relu.worse) == (3, 3, 1, 1, 0)
    assert (gem.ahead, gem.better, gem.worse) == (0, 0, 3)


def test_it_stands_first_on_the_page_and_in_words(table: Table) -> None:
    text = markdown(table)
    assert text.index("## Over the 3 settings") < text.index("## Setting by setting")
    assert "| 1 of 3 " in text
    assert "ReLU, lr 0.01 " in text
    assert "GEM (N=2), lr 1e-4 " in text
    lines = sentences(table, overall_rows(table))
    assert lines[1].startswith("Mean over the settings, better than GELU: ReLU (+1.00 [")
    assert lines[2].startswith("Mean over the settings, worse than GELU: GEM (N=2) (−3.00 [")
    assert lines[-1] == "Setting by setting, 6 comparisons corrected together: 1 better than GELU, 3 worse."


def test_it_says_whose_verdict_pairing_would_change(grid: Preset, cells: list[Cell]) -> None:
    """Seeds 20 points apart hide 3 points from Welch's test, and not from one by seed."""
    behind = records(cells, {f"activation=gem N=2 {each}": -3.0 for each in SETTINGS})
    for each in behind:
        jitter = 0.01 * each["seed"] if each["config"]["activation"]["name"] == "gem" else 0.0
        each["result"]["test_accuracy"] += 20 * each["seed"] + jitter
    text = markdown(build(grid, cells, behind))
    assert "- Over the 3 settings, compared paired by seed instead, the verdict would change for: GEM (N=2).\n" in text
    ahead = markdown(build(grid, cells, records(cells, {})))
    assert "- Over the 3 settings, compared paired by seed instead, no verdict would change.\n" in ahead


def test_it_stands_first_in_latex_and_csv_too(table: Table) -> None:
    text = latex(table)
    assert text.index(". Over the 3 settings") < text.index("mean over settings") < text.index(". Setting by setting")
    assert text.count("begin{longtable}") == 2
    lines = list(csv.DictReader(io.StringIO(csv_text(table))))
    assert [line["settings"] for line in lines] == ["3"] * 3 + ["1"] * 9
    relu = lines[1]
    assert (relu["activation"], relu["overrides"], relu["planned"]) == ("ReLU", "activation=relu", "4")
    assert float(relu["difference"]) == pytest.approx(1)
    assert relu["verdict"].startswith("better by")


def test_seeds_that_miss_a_setting_do_not_count(grid: Preset, cells: list[Cell]) -> None:
    runs = [r for r in records(cells, {}) if not (r["run"] == cells[3].run and r["seed"] == 1)]
    relu = overall_rows(build(grid, cells, runs))[1]
    assert list(relu.values) == [0, 2, 3]
    assert "| 3 of 4 " in markdown(build(grid, cells, runs))
    runs = [r for r in runs if r["run"] != cells[4].run]
    relu = overall_rows(build(grid, cells, runs))[1]
    assert (relu.values, relu.settings, relu.compared) == ({}, 3, 2)
    assert "not run in all settings" in markdown(build(grid, cells, runs))


def test_one_setting_or_a_crooked_grid_has_none(grid: Preset) -> None:
    plan = load_preset("quickstart")
    assert overall_rows(build(plan, cells_of(plan), [])) == []
    plan.cells = [*grid.cells, "activation=golu recipe.lr=0.1"]
    assert overall_rows(build(plan, cells_of(plan), [])) == []
