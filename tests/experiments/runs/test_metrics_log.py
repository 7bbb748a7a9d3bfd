"""The log knows which of its lines a checkpoint may rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.runs.metrics_log import MetricsLog, read_lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_rewind_drops_what_came_after_the_mark(path: Path) -> None:
    with MetricsLog(path) as log:
        log.write({"step": 1})
        mark = log.mark()
        log.write({"step": 2})
    with MetricsLog(path) as log:
        assert log.agrees(mark)
        log.rewind(mark)
        assert log.last == {"step": 1}
        log.write({"step": 3})
        later = log.mark()
    assert read_lines(path) == [{"step": 1}, {"step": 3}]
    with MetricsLog(path) as log:
        assert log.agrees(later)


def test_a_line_cut_in_two_by_a_kill_is_dropped(path: Path) -> None:
    with MetricsLog(path) as log:
        log.write({"step": 1})
        mark = log.mark()
    with open(path, "ab") as file:
        file.write(b'{"step": 2, "lo')
    with MetricsLog(path) as log:
        assert log.agrees(mark)
        log.rewind(mark)
    assert read_lines(path) == [{"step": 1}]


def test_without_a_checkpoint_everything_is_dropped(path: Path) -> None:
    path.write_text('{"step": 1}\n')
    with MetricsLog(path) as log:
        log.rewind(None)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("behind_our_back", ["", '{"step": 1, "x": 0.5}\n'[:-2], '{"step": 1, "x": 0.6}\n'])
def test_a_shortened_or_altered_file_does_not_agree(path: Path, behind_our_back: str) -> None:
    with MetricsLog(path) as log:
        log.write({"step": 1, "x": 0.5})
        mark = log.mark()
    path.write_text(behind_our_back)
    with MetricsLog(path) as log:
        assert not log.agrees(mark)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_json_has_no_nan(path: Path, value: float) -> None:
    with MetricsLog(path) as log:
        log.write({"step": 1, "train_loss": value})
    assert json.loads(path.read_text(), parse_constant=pytest.fail) == {"step": 1, "train_loss": None}
