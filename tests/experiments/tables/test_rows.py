"""Rows: interval, p and word agree; diverged runs, other data and another commit are reported."""

from __future__ import annotations

import dataclasses

from experiments.records.record import Record
from experiments.studies.cells import Cell
from experiments.studies.presets import Preset
from experiments.tables.render import markdown
from experiments.tables.table import build
from tests.synthetic import record


def full(cells: list[Cell], offsets: dict[str, float]) -> list[Record]:
    noise = (-0.1, 0.0, 0.1)
    return [record(c, s, 90 + offsets.get(c.overrides, 0) + noise[s]) for c in cells for s in range(3)]


def with_diverged(cells: list[Cell], records: list[Record], name: str, seeds: tuple[int, ...]) -> list[Record]:
    """Without the finished runs of these seeds, which diverged."""
    cell = next(cell for cell in cells if cell.overrides == name)
    kept = [r for r in records if not (r["run"] == cell.run and r["seed"] in seeds)]
    return kept + [record(cell, seed, 10.0, status="diverged") for seed in seeds]


def test_lucky_survivors_are_no_finding(preset: Preset, cells: list[Cell]) -> None:
    """Three of five runs diverged; the two others are far ahead."""
    plan = dataclasses.replace(preset, seeds=5)
    noise = (-0.1, 0.0, 0.1, 0.0, 0.05)
    lead = {"activation=relu": 5.0}
    records = [record(c, s, 90 + lead.get(c.overrides, 0) + noise[s]) for c in cells for s in range(5)]
    table = build(plan, cells, with_diverged(cells, records, "activation=relu", (0, 1, 2)))
    row = table.by_overrides["activation=relu"]
    assert (row.kind, row.different, row.bold) == ("diverged", False, False)
    assert row.words.startswith("diverged: 3 of 5 runs (reference: 0 of 5, p ")
    assert "no verdict. Finished runs: better by" in row.words
    assert "**" not in markdown(table)


def test_a_row_that_is_behind_can_be_worse_with_failures_too(preset: Preset, cells: list[Cell]) -> None:
    records = full(cells, {"activation=gem": -2.0})
    row = build(preset, cells, with_diverged(cells, records, "activation=gem", (2,))).by_overrides["activation=gem"]
    assert row.kind == "worse"
    assert "; diverged: 1 of 3 runs (reference: 0 of 3" in row.words


def test_where_the_reference_fails_no_row_is_worse(preset: Preset, cells: list[Cell]) -> None:
    records = full(cells, {"activation=gem": -2.0, "activation=relu": 2.0})
    table = build(preset, cells, with_diverged(cells, records, "activation=gelu", (2,)))
    assert table.by_overrides["activation=gem"].kind == "diverged"
    assert table.by_overrides["activation=relu"].kind == "better"
    assert "reference; diverged: 1 of 3 runs" in markdown(table)


def test_interval_p_and_word_agree_in_every_row(preset: Preset, cells: list[Cell]) -> None:
    """Holm's steps and Bonferroni's; differences of 0.1 to 0.5 points beside a spread of 0.1."""
    offsets = {cell.overrides: 0.1 * index for index, cell in enumerate(cells)}
    noise = (-0.1, 0.0, 0.1, 0.07, -0.03)
    records = [
        record(c, s, 90 + offsets[c.overrides] + noise[(s * (i + 1) + i) % 5])
        for i, c in enumerate(cells)
        for s in range(5)
    ]
    for comparison in ("welch", "paired"):
        table = build(dataclasses.replace(preset, comparison=comparison, seeds=5), cells, records)
        kinds = set()
        for row in (row for row in table.rows if not row.is_reference):
            low, high = row.interval
            assert low < row.difference < high
            assert (row.p < 0.05) == (low > 0 or high < 0) == row.different
            kinds.add(row.kind)
        assert {"better", "open"} <= kinds


def test_rows_of_other_data_get_no_verdict(preset: Preset, cells: list[Cell]) -> None:
    records = full(cells, {"activation=relu": 2.0})
    for each in records:
        if each["run"] == cells[0].run:
            each["provenance"]["data"] = "e" * 16
    table = build(preset, cells, records)
    row = table.rows[0]
    assert (row.kind, row.verdict, row.words) == ("other data", None, "no verdict: trained on other data than GELU")
    assert "**" not in markdown(table)
    assert "† ReLU: runs differ from those of GELU in data." in markdown(table)


def test_a_row_of_another_commit_than_its_reference_is_marked(preset: Preset, cells: list[Cell]) -> None:
    records = full(cells, {})
    for each in records:
        if each["run"] == cells[0].run:
            each["provenance"]["commit"] = "f" * 40
    lines = markdown(build(preset, cells, records)).splitlines()
    assert [line for line in lines if "differ" in line and "runs" in line and line.startswith("- †")] == [
        "- † ReLU: runs differ from those of GELU in commit."
    ]
    assert sum(" † " in line for line in lines if line.startswith("|")) == 1
