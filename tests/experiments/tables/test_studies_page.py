"""The page of studies says of each what its table and its records say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.studies.presets import load_preset
from experiments.tables.recorded import recorded
from experiments.tables.studies_page import line, studies_markdown, studies_of, tuning_runs
from experiments.tables.table import Table

RESULTS = Path(__file__).parents[3] / "results"


@pytest.fixture(scope="module")
def tables() -> list[Table]:
    """A study with tuned rates, and one with a shared rate."""
    found = [recorded(name, RESULTS) for name in ("builtins_poisson", "table_gpt2_tiny")]
    return [table for table in found if table]


def test_a_study_with_tuned_rates(tables: list[Table]) -> None:
    study, data, network, activations, seeds, runs, rate, test, margin, hours = line(tables[0])
    assert (study, data, network) == ("`builtins_poisson`", "poisson", "pinn_minutes")
    assert activations == str(len(tables[0].rows))
    assert seeds == "5–20"
    assert rate.startswith("own, of 2.7e-4, 9e-4, 3e-3")
    assert (test, margin) == ("paired, 4 looks", "±0.3 decades")
    grid = rate.count(",")  # the rates, as "own," has one
    assert runs == f"{len(tables[0].runs)} + {len(tables[0].rows) * grid * load_preset('builtins_poisson').tune.seeds}"
    assert float(hours) == pytest.approx(sum(r["provenance"]["seconds"] for r in tables[0].runs) / 3600, abs=0.05)


def test_a_study_with_a_shared_rate(tables: list[Table]) -> None:
    found = line(tables[1])
    assert found[4:9] == ["3", "30", "3e-3", "Welch", "—"]
    assert tuning_runs(tables[1]) == []


def test_a_run_of_two_studies_counts_once(tables: list[Table]) -> None:
    start = studies_markdown([*tables, tables[0]]).splitlines()[2]
    counted = {(run["run"], run["seed"]) for table in tables for run in table.runs}
    assert start.startswith(f"3 studies: {len(counted)} counted runs")
    tuned = {(cell.run, seed) for table in tables for cell, seed in tuning_runs(table)}
    assert start.endswith(f"{len(tuned)} tuning runs. 0 counted runs diverged.")


def test_demonstrations_and_studies_without_runs_are_left_out(tables: list[Table]) -> None:
    shown = replace(tables[1], preset=replace(tables[1].preset, demonstration=True))
    assert studies_of([tables[0], shown, replace(tables[1], runs=[])]) == [tables[0]]
