"""Records: what a run leaves is found again, checked, merged and never silently dropped."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.records.file import read_lines, record_name, write_lines
from experiments.records.read import read_of_runs, read_records
from experiments.records.record import CURVE_POINTS, Record, origins, read_outcome, thin_curve
from experiments.records.store import refresh_records, write_records
from experiments.studies.cells import Cell, cells_of
from experiments.studies.presets import Preset, load_preset
from experiments.studies.results import Results
from experiments.studies.stages import follow_study
from tests.experiments.zygote import ROOT
from tests.synthetic import record


def refresh(preset: Preset, cells: list[Cell], records_dir: Path, runs_dir: str) -> list[Record]:
    runs = {cell.run: cell.config for cell in cells}
    return refresh_records(preset.name, runs, range(preset.seeds), records_dir, runs_dir)


def test_written_records_are_read_back(tmp_path: Path, cells: list[Cell]) -> None:
    records = [record(cell, 0, 90.0) for cell in cells]
    path = tmp_path / "quickstart.jsonl.gz"
    write_records(path, records)
    assert read_records(path) == dict(enumerate(records, 1))


def test_an_unsound_line_is_an_error_and_nothing_is_written(tmp_path: Path, preset: Preset, cells: list[Cell]) -> None:
    path = tmp_path / "records" / "quickstart.jsonl.gz"
    write_records(path, [record(cells[0], 0, 90.0), record(cells[1], 0, 91.0)])
    write_lines(path, read_lines(path)[:-100])
    before = path.read_bytes()
    with pytest.raises(UserError, match=f"^{path}:2: no JSON object"):
        refresh(preset, cells, tmp_path / "records", str(tmp_path / "none"))
    assert path.read_bytes() == before


def test_a_file_that_is_not_compressed_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "quickstart.jsonl.gz"
    path.write_text("{}\n")
    with pytest.raises(UserError, match=f"^{path}: must be compressed by gzip"):
        read_records(path)


def test_a_file_with_the_same_content_keeps_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "quickstart.jsonl.gz"
    path.write_bytes(gzip.compress(b"{}\n", compresslevel=0, mtime=1))
    before = path.read_bytes()
    write_lines(path, b"{}\n")
    assert path.read_bytes() == before
    write_lines(path, b"[]\n")
    assert gzip.decompress(path.read_bytes()) == b"[]\n"


def test_a_foreign_record_is_named_left_out_and_kept(
    tmp_path: Path, preset: Preset, cells: list[Cell], capsys: pytest.CaptureFixture[str]
) -> None:
    """A sound record of a run that is no cell of the preset, as after a change of the preset."""
    path = tmp_path / "quickstart.jsonl.gz"
    write_records(path, [record(cells[1], 0, 90.0), record(cells[0], 0, 91.0)])
    before = read_lines(path)
    mine = [cells[0], *cells[2:]]
    assert [r["run"] for r in read_of_runs(path, {cell.run for cell in mine})] == [cells[0].run]
    assert f"{path}:1: left out: its configuration is that of no cell" in capsys.readouterr().err
    assert [r["run"] for r in refresh(preset, mine, tmp_path, str(tmp_path / "none"))] == [cells[0].run]
    assert "left out" in capsys.readouterr().err
    assert sorted(read_lines(path).splitlines()) == sorted(before.splitlines())


def test_a_run_counts_for_every_table_that_asks_for_it(tmp_path: Path, preset: Preset, cells: list[Cell]) -> None:
    """Once the table has a run of its own; seeds beyond the plan stay where they are."""
    nowhere = str(tmp_path / "none")
    lent = [record(cells[0], seed, 80.0 + seed) for seed in (0, 1, preset.seeds)]
    write_records(tmp_path / "table_digits.jsonl.gz", [r | {"experiment": "table_digits"} for r in lent])
    assert refresh(preset, cells, tmp_path, nowhere) == []
    assert not (tmp_path / "quickstart.jsonl.gz").exists()
    write_records(tmp_path / "quickstart.jsonl.gz", lent[:1])
    first = refresh(preset, cells, tmp_path, nowhere)
    assert first == lent[:2]
    assert list(read_records(tmp_path / "quickstart.jsonl.gz").values()) == first
    assert refresh(preset, cells, tmp_path, nowhere) == first


def test_copies_that_disagree_are_an_error(tmp_path: Path, preset: Preset, cells: list[Cell]) -> None:
    other = record(cells[0], 0, 80.0) | {"experiment": "table_digits"}
    write_records(tmp_path / "table_digits.jsonl.gz", [other])
    write_records(tmp_path / "quickstart.jsonl.gz", [record(cells[0], 0, 90.0)])
    with pytest.raises(UserError, match=r"table_digits\.jsonl\.gz:1: result\.test_accuracy differs from that of "):
        refresh(preset, cells, tmp_path, str(tmp_path / "none"))


def test_a_run_that_went_on_elsewhere_says_where_it_began(tmp_path: Path) -> None:
    """Three parts: the first by another commit, then twice by the one that is recorded."""
    part = {"commit": "1" * 40, "clean": True, "versions": {}, "device": "d", "threads": 1, "impl": {}}
    part |= {"started": "2026-01-01", "command": "python train.py"}
    result = {"format": 1, "run": "r", "seed": 0, "status": "finished"}
    (tmp_path / "metrics.json").write_text(json.dumps(result))
    (tmp_path / "metrics.jsonl").write_text("")

    def outcome_of(*parts: dict[str, object]) -> dict[str, object]:
        meta = {"parts": parts, "seconds": 1.0, "peak_memory_mib": 1.0, "data": "d"}
        (tmp_path / "meta.json").write_text(json.dumps(meta))
        return read_outcome(tmp_path, set())

    mixed = outcome_of(part | {"commit": "0" * 40, "clean": False}, part, part | {"started": "2026-01-02"})
    assert [(each["commit"], each["clean"]) for each in origins(mixed)] == [("0" * 40, False), ("1" * 40, True)]
    assert [each["started"] for each in origins(mixed)] == ["2026-01-02"] * 2
    assert "earlier" not in outcome_of(part, part)["provenance"]


def test_curve_is_thinned_and_keeps_its_end() -> None:
    lines = [{"step": step, "train_loss": 1 / 3, "by_layer": {"dead_units": [0.5]}} for step in range(1, 1001)]
    curve = thin_curve(lines, set())
    assert len(curve["step"]) == CURVE_POINTS
    assert (curve["step"][0], curve["step"][-1]) == (1, 1000)
    assert curve["train_loss"][0] == 0.333333
    assert "by_layer" not in curve


@pytest.mark.parametrize("key", ["test_accuracy", "val_loss"])
def test_curve_prefers_evaluations(key: str) -> None:
    lines = [{"step": s} | ({key: 1.0} if s % 100 == 0 else {}) for s in range(1, 1001)]
    assert thin_curve(lines, {key})["step"] == list(range(100, 1001, 100))


@pytest.mark.parametrize("path", sorted((ROOT / "results" / "records").glob("*.jsonl.gz")), ids=record_name)
def test_every_committed_record_traces_to_a_commit_and_a_cell(path: Path) -> None:
    records, plan = read_records(path), load_preset(record_name(path))
    own = Results("no runs", path.parent, only=plan.name)
    cells = follow_study(plan, own).cells if plan.staged else cells_of(plan)
    assert {each["run"] for each in records.values()} <= {cell.run for cell in cells}
    for each in records.values():
        for origin in origins(each):
            assert len(origin["commit"]) == 40
            assert origin["clean"] is True
            assert all(origin[key] for key in ("device", "versions", "threads", "impl", "command", "started", "data"))
            assert "=/" not in origin["command"], "a place on somebody's machine"
