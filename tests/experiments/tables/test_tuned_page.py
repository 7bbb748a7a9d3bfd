"""The page of tuned studies counts what their own tables say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.stats import pooled_sd
from experiments.studies.presets import load_preset
from experiments.tables.recorded import recorded
from experiments.tables.table import Table
from experiments.tables.tuned_page import comparisons_of, tuned_markdown, tuned_tables

RESULTS = Path(__file__).parents[3] / "results"


@pytest.fixture(scope="module")
def tables() -> list[Table]:
    """A study of one setting, and one of four."""
    found = [recorded(name, RESULTS) for name in ("battery_poisson", "tuned_mlp")]
    return [table for table in found if table]


def test_every_row_but_the_reference_is_counted_once(tables: list[Table]) -> None:
    text = tuned_markdown(tables)
    rows = [row for table in tables for row in table.rows if not row.is_reference]
    counts = {kind: [row.kind for row in rows].count(kind) for kind in ("better", "equivalent", "open", "worse")}
    assert text.splitlines()[2].startswith(
        f"{len(rows)} comparisons in 2 studies: {counts['better']} better, {counts['equivalent']} equivalent, "
        f"{counts['open']} not significant, {counts['worse']} worse."
    )


def test_a_setting_has_a_line_of_its_own_with_its_own_sd(tables: list[Table]) -> None:
    _, mlp = tables
    assert {comparison.setting for comparison in comparisons_of(mlp)} == {f"blocks {k}" for k in (1, 2, 3, 4)}
    first = [row for row in mlp.rows if row.title.endswith("blocks 1")]
    sd = pooled_sd([row.values for row in first])
    assert {comparison.sd for comparison in comparisons_of(mlp) if comparison.setting == "blocks 1"} == {sd}
    assert len(re.findall(r"tuned learning rates, blocks \d ", tuned_markdown(tables))) == 4


def test_blind_is_open_and_could_not_see_one_sd(tables: list[Table]) -> None:
    comparisons = [comparison for table in tables for comparison in comparisons_of(table)]
    blind = [c for c in comparisons if c.blind]
    assert 0 < len(blind) < len(comparisons)
    for c in comparisons:
        assert c.row.verdict is not None
        assert c.blind == (c.row.kind == "open" and not c.row.verdict.least_detectable <= c.sd)


def test_a_lead_is_positive_where_the_activation_is_better(tables: list[Table]) -> None:
    different = [c for table in tables for c in comparisons_of(table) if c.row.different]
    assert {c.row.kind for c in different} == {"better", "worse"}  # of a loss and of an accuracy
    assert all((c.lead > 0) == (c.row.kind == "better") for c in different)


def test_only_studies_that_tune(tables: list[Table]) -> None:
    poisson, _ = tables
    untuned = recorded("battery_digits_mlp", RESULTS)
    assert untuned is not None
    assert tuned_tables([poisson, replace(untuned, study=None)]) == [poisson]
    assert not tuned_tables([replace(poisson, preset=replace(load_preset("battery_poisson"), demonstration=True))])
