"""Tuning curves: each line has the held-out means of its activation, and its dot is the best of them."""

from __future__ import annotations

import numpy
import pytest

from experiments.figures.tuning import tuning_curves
from experiments.studies.cells import Cell
from experiments.studies.presets import Preset
from experiments.tables.recorded import recorded
from experiments.tables.table import build
from tests.experiments.zygote import ROOT


@pytest.mark.parametrize(("name", "panels"), [("tuned_gpt2_tiny", 1), ("battery_digits_cnn", 1)])
def test_the_dot_is_the_best_of_its_line(name: str, panels: int) -> None:
    """Less is better in both: a loss, or the distance of an accuracy from 100 %."""
    table = recorded(name, ROOT / "results")
    assert table
    made = tuning_curves(table)
    assert made
    assert len(made.axes) == panels
    (panel,) = made.axes
    lines = [line for line in panel.lines if line.get_marker() == "None"]
    dots = [line for line in panel.lines if line.get_marker() == "o"]
    assert [line.get_label() for line in lines] == [row.title for row in table.rows]
    for line, dot in zip(lines, dots, strict=True):
        best = int(numpy.nanargmin(line.get_ydata()))
        assert (line.get_xdata()[best], line.get_ydata()[best]) == (dot.get_xdata()[0], dot.get_ydata()[0])


def test_without_a_tuning_there_is_no_curve(preset: Preset, cells: list[Cell]) -> None:
    assert tuning_curves(build(preset, cells, [])) is None
