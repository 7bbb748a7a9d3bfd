"""Records: what a run leaves is found again, checked, merged and never silently dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.presets import Preset
from experiments.records import CURVE_POINTS, Cell, merge, read, refresh, thin, write
from tests.synthetic import record


def test_written_records_are_read_back(tmp_path: Path, cells: list[Cell]) -> None:
    records = [record(cell, 0, 90.0) for cell in cells]
    write(tmp_path / "r.jsonl", records)
    assert read(tmp_path / "r.jsonl") == (records, [])


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[: len(line) // 2],
        lambda line: "not json",
        lambda line: json.dumps({**json.loads(line), "format": 99}),
        lambda line: line.replace('"N": 1', '"N": 2'),
        lambda line: json.dumps({key: value for key, value in json.loads(line).items() if key != "result"}),
    ],
    ids=["half-written", "no json", "other format", "configuration changed", "no result"],
)
def test_damaged_line_is_named_left_out_and_kept_on_disk(
    tmp_path: Path, preset: Preset, cells: list[Cell], damage: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(damage)
    gem = next(cell for cell in cells if cell.overrides == "activation=gem")
    path = tmp_path / "records" / "quickstart.jsonl"
    write(path, [record(cells[0], 0, 90.0), record(gem, 0, 91.0)])
    sound_line, bad_line = path.read_text().splitlines()
    path.write_text(f"{sound_line}\n{damage(bad_line)}\n")
    before = path.read_bytes()
    assert [r["run"] for r in refresh(preset, cells, tmp_path / "records", str(tmp_path / "none"))] == [cells[0].run]
    assert f"{path}:2: left out" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_found_runs_replace_known_records(cells: list[Cell]) -> None:
    known = [record(cells[1], 0, 1.0), record(cells[0], 1, 2.0)]
    found = [record(cells[0], 1, 3.0), record(cells[0], 0, 4.0)]
    merged = merge(known, found, cells)
    assert [(r["run"], r["seed"], r["result"]["test_accuracy"]) for r in merged] == [
        (cells[0].run, 0, 4.0),
        (cells[0].run, 1, 3.0),
        (cells[1].run, 0, 1.0),
    ]


def test_curve_is_thinned_and_keeps_its_end() -> None:
    lines = [{"step": step, "train_loss": 1 / 3} for step in range(1, 1001)]
    curve = thin(lines)
    assert len(curve["step"]) == CURVE_POINTS
    assert (curve["step"][0], curve["step"][-1]) == (1, 1000)
    assert curve["train_loss"][0] == 0.333333


def test_curve_prefers_evaluations() -> None:
    lines = [{"step": s} | ({"test_accuracy": 1.0} if s % 100 == 0 else {}) for s in range(1, 1001)]
    assert thin(lines)["step"] == list(range(100, 1001, 100))
