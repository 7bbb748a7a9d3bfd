"""Tables from synthetic records: the right runs in the right cells, and nothing claimed that the data do not say."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest

from experiments.presets import Preset
from experiments.records import Cell, Record
from experiments.render import csv_text, latex, markdown
from experiments.tables import Row, build
from tests.synthetic import record


def rows_of(preset: Preset, cells: list[Cell], records: list[Record]) -> dict[str, Row]:
    return {row.overrides: row for row in build(preset, cells, records).rows}


def full(cells: list[Cell], offsets: dict[str, float]) -> list[Record]:
    noise = (-0.1, 0.0, 0.1)
    return [record(c, s, 90 + offsets.get(c.overrides, 0) + noise[s]) for c in cells for s in range(3)]


def test_names_that_contain_each_other_stay_apart(preset: Preset, cells: list[Cell]) -> None:
    """relu and gelu, gem and egem and segem: a substring match would mix them."""
    offsets = {cell.overrides: float(index) for index, cell in enumerate(cells)}
    rows = rows_of(preset, cells, full(cells, offsets))
    for cell in cells:
        assert rows[cell.overrides].summary.mean == pytest.approx(90 + offsets[cell.overrides])
        assert rows[cell.overrides].summary.n == 3


def test_verdicts_follow_the_truth(preset: Preset, cells: list[Cell]) -> None:
    rows = rows_of(preset, cells, full(cells, {"activation=relu": 2.0, "activation=gem": -2.0}))
    assert rows["activation=relu"].better
    assert rows["activation=gem"].verdict.startswith("worse by")
    assert rows["activation=golu"].verdict == "no difference detectable"
    assert rows["activation=gelu"].verdict == "reference"


def test_bold_only_where_the_test_says_better(preset: Preset, cells: list[Cell]) -> None:
    text = markdown(build(preset, cells, full(cells, {"activation=relu": 2.0, "activation=golu": 0.05})))
    assert text.count("**92.00 ± 0.10**") == 1
    assert text.count("**") == 2


def test_missing_seeds_and_divergence_are_shown(preset: Preset, cells: list[Cell]) -> None:
    records = full(cells, {})
    golu = next(cell for cell in cells if cell.overrides == "activation=golu")
    records = [r for r in records if not (r["run"] == golu.run and r["seed"] > 0)]
    records.append(record(golu, 1, 10.0, status="diverged"))
    row = rows_of(preset, cells, records)["activation=golu"]
    assert (row.summary.n, row.planned, row.diverged) == (1, 3, 1)
    assert row.verdict == "too few seeds to tell"
    line = next(line for line in markdown(build(preset, cells, records)).splitlines() if "GoLU" in line)
    assert "1 of 3" in line
    assert "1 diverged" in line


def test_seeds_beyond_the_plan_do_not_count(preset: Preset, cells: list[Cell]) -> None:
    records = [*full(cells, {}), record(cells[0], 3, 0.0)]
    assert rows_of(preset, cells, records)[cells[0].overrides].summary.n == 3


def test_mixed_commits_are_footnoted(preset: Preset, cells: list[Cell]) -> None:
    records = full(cells, {})
    records[0]["provenance"]["commit"] = "f" * 40
    text = markdown(build(preset, cells, records))
    assert "ReLU †" in text
    assert "† ReLU: runs differ in commit." in text


def test_nothing_run_yet(preset: Preset, cells: list[Cell]) -> None:
    text = markdown(build(preset, cells, []))
    assert text.count("not run") == len(cells)
    assert "No run yet." in text


def test_published_figure_and_gap(cells: list[Cell], preset: Preset) -> None:
    known = [{"cell": "activation=egem", "value": 99.23, "source": "somewhere"}]
    published = dataclasses.replace(preset, published=known)
    text = markdown(build(published, cells, full(cells, {})))
    line = next(line for line in text.splitlines() if line.startswith("| E-GEM"))
    assert "99.23" in line
    assert "−9.23" in line
    assert next(line for line in text.splitlines() if line.startswith("| ReLU")).count("—") == 2


def test_csv_has_the_numbers_in_full(preset: Preset, cells: list[Cell]) -> None:
    table = build(preset, cells, full(cells, {"activation=relu": 2.0}))
    first = next(csv.DictReader(io.StringIO(csv_text(table))))
    assert float(first["mean"]) == table.rows[0].summary.mean
    assert float(first["sd"]) == table.rows[0].summary.sd
    assert first["overrides"] == "activation=relu"


def test_latex_escapes_what_latex_reads(preset: Preset, cells: list[Cell]) -> None:
    body = latex(build(preset, cells, full(cells, {"activation=relu": 2.0})))
    rows = "".join(line for line in body.splitlines() if not line.startswith("%"))
    assert r"\toprule" in rows
    assert r"\textbf{92.00 $\pm$ 0.10}" in rows
    assert rows.isascii()
