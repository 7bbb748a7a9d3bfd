"""Average ranks: each data set counts once, tuned values stand for their task, and the diagram fits."""

from __future__ import annotations

import dataclasses

from experiments.figures.colours import MUTED
from experiments.figures.ranks import critical_differences, ranking_of
from experiments.studies.cells import Cell, cells_of
from experiments.studies.presets import Preset, load_preset
from experiments.tables.table import Table, build
from tests.synthetic import record


def table_of(preset: Preset, cells: list[Cell], means: dict[str, float]) -> Table:
    return build(preset, cells, [record(c, s, means.get(c.overrides, 90.0) + s / 10) for c in cells for s in range(3)])


def on_task(table: Table, task: str, data: str = "", tuned: bool = False) -> Table:
    """The same results on another task, on ``data`` of another name."""

    def elsewhere(cell: Cell) -> Cell:
        dataset = dataclasses.replace(cell.config.dataset, title=data or task)
        return dataclasses.replace(cell, config=dataclasses.replace(cell.config, dataset=dataset))

    plan = dataclasses.replace(table.preset, task=task, tune="a tuning" if tuned else None)
    rows = [dataclasses.replace(row, cell=elsewhere(row.cell)) for row in table.rows]
    return dataclasses.replace(table, preset=plan, rows=rows)


def rising(cells: list[Cell]) -> dict[str, float]:
    return {cell.overrides: 90.0 + index for index, cell in enumerate(cells)}


def test_ranks_over_tasks(preset: Preset, cells: list[Cell]) -> None:
    """The order of the cells is the order of the means. A table with runs to come is left out."""
    table = table_of(preset, cells, rising(cells))
    tables = [on_task(table, task) for task in ("a", "b")]
    ranking = ranking_of(tables)
    assert ranking
    assert list(ranking.ranks.sort_values().index) == [row.title for row in reversed(table.rows)]
    drawn = critical_differences(tables)
    assert drawn
    bars = [list(line.get_xdata()) for line in drawn.axes[0].lines if line.get_color() == MUTED]
    assert bars
    assert all(bar == sorted(bar) for bar in bars)  # whatever the order of a set of names is in this process
    assert critical_differences(tables[:1]) is None
    unfinished = build(preset, cells, table.runs[1:])
    ranking = ranking_of([*tables, on_task(unfinished, "c")])
    assert ranking
    assert list(ranking.tasks) == ["a", "b"]


def test_two_tasks_on_the_same_data_count_once(preset: Preset, cells: list[Cell]) -> None:
    table = table_of(preset, cells, rising(cells))
    same = [on_task(table, "small", "CIFAR-10"), on_task(table, "large", "CIFAR-10")]
    assert ranking_of(same) is None
    ranking = ranking_of([*same, on_task(table, "MNIST")])
    assert ranking
    assert list(ranking.tasks) == ["CIFAR-10", "MNIST"]


def test_a_tuned_table_stands_for_its_task(preset: Preset, cells: list[Cell]) -> None:
    """At shared rates the first cell is last, tuned it is first."""
    shared, tuned = (table_of(preset, own, rising(own)) for own in (cells, cells[::-1]))
    tables = [on_task(shared, "a"), on_task(tuned, "a", tuned=True), on_task(tuned, "b")]
    ranking = ranking_of(tables)
    assert ranking
    assert list(ranking.tasks) == ["a", "b"]
    assert ranking.ranks.idxmin() == shared.rows[0].title


def test_equal_means_are_a_tie(preset: Preset, cells: list[Cell]) -> None:
    """Means of the same values, summed in another order, differ in the last bits."""
    values = (99.1, 99.2, 99.3)
    orders = {cell.overrides: values[i % 3 :] + values[: i % 3] for i, cell in enumerate(cells)}
    table = build(preset, cells, [record(c, s, orders[c.overrides][s]) for c in cells for s in range(3)])
    ranking = ranking_of([on_task(table, task) for task in ("a", "b")])
    assert ranking
    assert set(ranking.ranks) == {(1 + len(cells)) / 2}


def test_the_title_of_the_ranks_fits_however_many_tasks_there_are(preset: Preset, cells: list[Cell]) -> None:
    table = table_of(preset, cells, rising(cells))
    made = critical_differences([on_task(table, f"handwritten letters of alphabet {k}") for k in range(9)])
    assert made
    made.canvas.draw()
    title = made.texts[0]
    assert "alphabet 8" in title.get_text()
    box, page = title.get_window_extent(), made.bbox
    assert page.x0 <= box.x0
    assert box.x1 <= page.x1


def test_a_grid_counts_by_its_mean_over_settings(preset: Preset) -> None:
    plan = load_preset("quickstart")
    plan.cells = [f"activation={a} recipe.lr={lr}" for a in ("gelu", "relu", "gem") for lr in (0.1, 0.2)]
    several = table_of(plan, cells_of(plan), {})
    single = table_of(preset, cells_of(preset), {})
    ranking = ranking_of([on_task(several, "grid"), on_task(single, "single")])
    assert ranking
    assert set(ranking.ranks.index) == {"GELU", "ReLU", "GEM (N=1)"}
