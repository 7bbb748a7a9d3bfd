"""Figures: what is drawn is what the records and the formulas say, and the files are the same every time."""

from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path
from typing import Any, cast

import numpy
import PIL.Image
import pytest
from matplotlib.patches import Rectangle

from experiments.figures import preset_figures, style
from experiments.figures.functions import derived, distance, theory
from experiments.figures.maps import at_base, grid, heat_map, lines
from experiments.figures.overview import overview
from experiments.figures.settings import settings_map
from experiments.figures.style import save
from experiments.studies.cells import Cell, cells_of
from experiments.studies.presets import Preset, load_preset
from experiments.tables.table import Table, build
from tests.synthetic import record

GRID = [
    [["activation=gelu", "activation=gem"], ["recipe.lr=0.1", "recipe.lr=0.2"], ["recipe.epochs=15", "recipe.epochs=9"]]
]


def table_of(preset: Preset, cells: list[Cell], means: dict[str, float], metric: str = "test_accuracy") -> Table:
    records = [record(c, s, means.get(c.overrides, 90.0) + s / 10) for c in cells for s in range(3)]
    return build(dataclasses.replace(preset, metric=metric), cells, records)


@pytest.mark.parametrize(
    ("values", "shown"),
    [([0.02, 2.0], ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]), ([0.4, 0.7], ["0.4", "0.5", "0.6", "0.7"])],
)
def test_a_logarithmic_axis_has_plain_numbers_and_no_more_than_fit(values: list[float], shown: list[str]) -> None:
    made, (panel,) = style.figure(1)
    panel.plot([0, 1], values)
    style.logarithmic(panel)
    made.draw_without_rendering()
    low, high = panel.get_ylim()
    ticks = [tick for minor in (False, True) for tick in panel.yaxis.get_ticklabels(minor)]
    found = {tick.get_text(): tick.get_position()[1] for tick in ticks}
    assert sorted(text for text, place in found.items() if text and low <= place <= high) == shown


def test_tokens_are_counted_in_thousands_and_millions() -> None:
    made, (panel,) = style.figure(1)
    panel.plot([0, 1.5e6], [1, 2])
    style.progress(panel, "tokens")
    made.draw_without_rendering()
    assert {"500k", "1M", "1.5M"} <= {tick.get_text() for tick in panel.get_xticklabels()}


def test_a_preset_gets_differences_and_curves(preset: Preset, cells: list[Cell]) -> None:
    made = dict(preset_figures(table_of(preset, cells, {"activation=relu": 92.0})))
    assert list(made) == ["quickstart_forest", "quickstart_curves"]
    panel = made["quickstart_forest"].axes[0]
    places = [line.get_xdata()[0] for line in panel.lines if line.get_marker() == "o"]
    assert places[0] == pytest.approx(2.0)
    assert panel.get_yticklabels()[0].get_text() == "ReLU"
    labels = [text.get_text() for text in made["quickstart_curves"].axes[1].get_legend().get_texts()]
    assert labels == [*(row.title for row in build(preset, cells, []).rows), "lowest to highest seed"]


def test_settings_have_a_column_each_with_differences_and_frames(preset: Preset) -> None:
    """GEM is better by 3 points at the rate 0.2 and equal to GELU at 0.1, in both lengths."""
    crossed = dataclasses.replace(preset, cells=[" ".join(words) for words in itertools.product(*GRID[0])])
    found = cells_of(crossed)
    means = {
        cell.overrides: 93.0 for cell in found if {"activation=gem", "recipe.lr=0.2"} <= set(cell.overrides.split())
    }
    made = settings_map(table_of(crossed, found, means))
    assert made
    panel = made.axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["GEM (N=1)"]
    assert [text.get_text() for text in panel.texts] == ["+0.00", "+0.00", "+3.00", "+3.00"]
    framed = [patch.get_x() + 0.47 for patch in panel.patches if isinstance(patch, Rectangle)]
    assert framed == pytest.approx([2, 3])
    assert "GELU 90.10" in panel.get_xticklabels()[0].get_text()
    assert settings_map(table_of(preset, cells_of(preset), {})) is None


def test_curves_say_how_many_seeds_have_run(preset: Preset, cells: list[Cell]) -> None:
    runs = [record(c, s, 90.0 + s / 10) for i, c in enumerate(cells[:3]) for s in range((3, 2, 1)[i])]
    for counted, words in (
        (runs, "mean of 1 to 3 of 3 seeds"),
        (runs[:3], "mean of 3 seeds"),
        (runs[3:5], "mean of 2 of 3 seeds"),
    ):
        title = dict(preset_figures(build(preset, cells, counted)))["quickstart_curves"].get_suptitle()
        assert words in title


def test_nothing_run_nothing_drawn(preset: Preset, cells: list[Cell]) -> None:
    assert list(preset_figures(build(preset, cells, []))) == []


def test_runs_of_text_are_drawn_over_tokens() -> None:
    preset = load_preset("table_gpt2_tiny")
    cells = cells_of(preset)
    records = [record(c, s, 90.0) for c in cells for s in range(2)]
    for r in records:
        r["result"]["val_loss"] = 4.0
        r["curve"] = {"tokens": [10, 20], "epoch": [1, 2], "train_loss": [5.0, 4.0], "val_loss": [None, 4.0]}
    left, right = dict(preset_figures(build(preset, cells, records)))["table_gpt2_tiny_curves"].axes
    assert (left.get_xlabel(), list(left.lines[0].get_xdata())) == ("tokens", [10, 20])
    assert (right.get_ylabel(), list(right.lines[0].get_xdata())) == ("validation loss (nats)", [20])


def test_mechanism_over_training_and_by_depth(preset: Preset, cells: list[Cell]) -> None:
    """Runs recorded before these metrics existed are left out; what is not finite is a gap."""
    records = [record(c, s, 90.0) for c in cells for s in range(2)]
    keys = ("dead_units", "saturation", "activation_mean", "activation_variance", "activation_gradient")
    for r in records[:4]:
        r["result"]["by_layer"] = {key: [0.25, None, 0.75 + r["seed"]] for key in keys}
        r["curve"] |= {key: [0.5, 0.25] for key in keys}
    made = dict(preset_figures(build(preset, cells, records)))["quickstart_mechanism"]
    over_training, by_depth = made.axes[0], made.axes[5]
    assert [list(line.get_ydata()) for line in over_training.lines] == [[0.5, 0.25]] * 2
    assert [line.get_label() for line in over_training.lines] == ["ReLU", "GELU"]
    numpy.testing.assert_array_equal(by_depth.lines[0].get_ydata(), [0.25, math.nan, 1.25])
    assert list(by_depth.lines[0].get_xdata()) == [1, 2, 3]


def test_heat_map_shows_each_cell_in_its_place(preset: Preset) -> None:
    plan = dataclasses.replace(preset, cells=[" ".join(w) for w in itertools.product(*GRID[0])])
    cells = cells_of(plan)
    means = {
        "activation=gem recipe.lr=0.2 recipe.epochs=9": 93.0,
        "activation=gelu recipe.lr=0.2 recipe.epochs=9": 91.0,
    }
    table = table_of(plan, cells, means)
    rows = [row for row in table.rows if not row.is_reference]
    values = grid(rows, "recipe.epochs", "recipe.lr", [9, 15], [0.1, 0.2])
    assert values == pytest.approx(numpy.array([[0.0, 0.0], [2.0, 0.0]]), abs=1e-9)
    texts = {text.get_text() for text in heat_map(table, "recipe.epochs", "recipe.lr").axes[0].texts}
    assert texts == {"+2.00", "+0.00"}
    assert {row.cell.config.recipe.epochs for row in at_base(table, ["recipe.lr"])} == {15}


@pytest.mark.parametrize("N", [1, 2, 3])
def test_convergence_follows_theory(N: int) -> None:
    for p in (math.inf, 2, *([1] if N > 1 else [])):
        for eps in (1e-6, 1e-2, 1.0):
            assert distance(eps, N, p) == pytest.approx(theory(eps, N, p), rel=2e-3)


def test_theory_has_the_known_constants() -> None:
    """results/tables/properties.md: largest gap 0.5 and 0.56988, L² norm 0.88623 and 0.52695, L¹ norm 0.7854."""
    found = [theory(1.0, *case) for case in ((1, math.inf), (2, math.inf), (1, 2), (2, 2), (2, 1))]
    assert found == pytest.approx([0.5, 0.56988, 0.88623, 0.52695, 0.7854], abs=1e-5)


def test_only_the_last_derivative_jumps() -> None:
    for N in (1, 2):
        for order, x, values in derived(N):
            jump = float(values[x > 0][0] - values[x < 0][-1])
            assert (abs(jump) > 0.5 * math.factorial(2 * N + 1)) == (order == 2 * N + 1)


def test_the_overview_has_every_task_in_its_unit(preset: Preset, cells: list[Cell]) -> None:
    """A point up in accuracy is blue, a nat up in loss red; the test finds both, and nothing else is framed."""
    moved = {cell.overrides: 90.0 for cell in cells} | {"activation=gem": 91.0}
    accuracy = table_of(dataclasses.replace(preset, task="images"), cells, moved)
    records = [record(cell, s, 0) for cell in cells for s in range(3)]
    for each in records:
        own = next(cell for cell in cells if cell.run == each["run"])
        each["result"]["test_loss"] = moved[own.overrides] / 10 + 0.001 * each["seed"]
    loss = build(dataclasses.replace(preset, task="text", metric="test_loss"), cells, records)
    made = overview([accuracy, loss])
    assert made
    panel = made.axes[0]
    assert [tick.get_text() for tick in panel.get_yticklabels()] == [
        "images\ntest accuracy (points), n = 3",
        "text\ntest loss (nats), n = 3",
    ]
    titles = [tick.get_text() for tick in panel.get_xticklabels()]
    gem, others = titles.index("GEM\nN=1"), {"+0.00", "+0.000", "−0.00", "−0.000"}
    texts = {text.get_position(): text.get_text() for text in panel.texts}
    assert (texts[gem, 0], texts[gem, 1]) == ("+1.00", "+0.100")
    assert {text for place, text in texts.items() if place[0] != gem} <= others
    shades = panel.images[0].get_array()
    assert shades is not None
    assert shades[0, gem] > 3
    assert shades[1, gem] < -3
    framed = {(round(p.get_x() + 0.47), round(p.get_y() + 0.43)) for p in panel.patches if isinstance(p, Rectangle)}
    assert framed == {(gem, 0), (gem, 1)}
    assert overview([accuracy]) is None


@pytest.mark.parametrize(("lacking", "coloured"), [("activation=relu", "all but ReLU"), ("activation=gelu", "none")])
def test_the_overview_colours_what_has_run_to_the_end(
    preset: Preset, cells: list[Cell], lacking: str, coloured: str
) -> None:
    """GELU is the reference; the numbers are shown all the same."""
    records = [
        record(c, s, 90 + s / 10) for c in cells for s in range(3) if (c.overrides, s) != (lacking, preset.seeds - 1)
    ]
    made = overview([build(dataclasses.replace(preset, task=task), cells, records) for task in ("a", "b")])
    assert made
    panel = made.axes[0]
    shades = panel.images[0].get_array()
    assert shades is not None
    titles = [tick.get_text() for tick in panel.get_xticklabels()]
    found = [title for title, shade in zip(titles, shades.filled(math.nan)[0], strict=True) if not math.isnan(shade)]
    assert found == ([title for title in titles if title != "ReLU"] if coloured == "all but ReLU" else [])
    assert len(panel.texts) == 2 * len(titles) == 2 * (len(cells) - 1)


@pytest.mark.parametrize("reference", ["activation=gelu", "activation=gem"])
def test_the_overview_pools_the_runs_of_all_tables(preset: Preset, cells: list[Cell], reference: str) -> None:
    """A claim adds three seeds to GEM's and GELU's, whichever of them is its reference, and is no column of its own."""
    ahead = {"activation=gem": 91.0}
    tasks = [table_of(dataclasses.replace(preset, name=task, task=task), cells, ahead) for task in ("a", "b")]
    two = [cell for cell in cells if cell.overrides in ("activation=gelu", "activation=gem")]
    claim = dataclasses.replace(
        preset, name="claim", seeds=6, reference=reference, cells=[cell.overrides for cell in two]
    )
    records = [record(c, s, ahead.get(c.overrides, 90.0) + s / 10) for c in two for s in range(6)]
    made = overview([*tasks, build(claim, two, records)])
    assert made
    panel = made.axes[0]
    assert [tick.get_text() for tick in panel.get_yticklabels()] == [
        f"{t}\ntest accuracy (points), n = 3 to 6" for t in "ab"
    ]
    texts = {text.get_position(): text.get_text() for text in panel.texts}
    titles = [tick.get_text() for tick in panel.get_xticklabels()]
    assert [texts[titles.index(title), 0] for title in ("GEM\nN=1", "GoLU")] == ["+1.00", "+0.00"]


def test_the_overview_begins_with_tuned_values(preset: Preset, cells: list[Cell]) -> None:
    shared = table_of(dataclasses.replace(preset, task="a"), cells, {})
    tuned = dataclasses.replace(shared, preset=dataclasses.replace(shared.preset, tune="a tuning"))
    made = overview([shared, tuned])
    assert made
    assert [tick.get_text().partition("\n")[0] for tick in made.axes[0].get_yticklabels()] == ["a, tuned", "a"]


def test_the_overview_leaves_out_what_few_tasks_compare(preset: Preset, cells: list[Cell]) -> None:
    """With eleven tasks an activation needs three of them; ReLU has two."""
    others = [cell for cell in cells if cell.overrides != "activation=relu"]
    fewer = dataclasses.replace(preset, cells=[cell.overrides for cell in others])
    tables = [table_of(dataclasses.replace(preset, task=f"all {i}"), cells, {}) for i in range(2)]
    tables += [table_of(dataclasses.replace(fewer, task=f"few {i}"), others, {}) for i in range(9)]
    made = overview(tables)
    assert made
    titles = [tick.get_text() for tick in made.axes[0].get_xticklabels()]
    assert "GEM\nN=1" in titles
    assert "ReLU" not in titles


def test_the_overview_colours_a_row_that_its_look_has_settled(preset: Preset, cells: list[Cell]) -> None:
    """Other rows of a study with looks may be open, so that its reference has seeds to come."""
    records = [record(c, s, 90 + s / 10) for c in cells for s in range(3) if (c.overrides, s) != ("activation=gelu", 2)]
    tables = [build(dataclasses.replace(preset, task=task), cells, records) for task in ("a", "b")]
    staged = dataclasses.replace(tables[0], study=cast("Any", "its state"))
    made = overview([staged, tables[1]])
    assert made
    shades = made.axes[0].images[0].get_array()
    assert shades is not None
    assert [numpy.isnan(row).all() for row in shades.filled(math.nan)] == [False, True]


def test_long_titles_lie_within_the_saved_picture(preset: Preset, cells: list[Cell], tmp_path: Path) -> None:
    """Letters are wider at the resolution of the picture than at matplotlib's own."""
    tasks = [f"gated GPT-2 on film reviews, tuned {i}" for i in range(2)]
    made = overview([table_of(dataclasses.replace(preset, task=task), cells, {}) for task in tasks])
    assert made
    pixels = numpy.asarray(PIL.Image.open(save(made, tmp_path / "overview")[0]).convert("L"))
    assert pixels[:, :2].min() == 255  # white from top to bottom


def test_no_cell_with_diverged_runs_is_framed_as_better(preset: Preset, cells: list[Cell]) -> None:
    records = [record(c, s, 90 + s / 10 + 5 * (c.overrides == "activation=gem")) for c in cells for s in range(2)]
    records += [record(c, 2, 90.2) for c in cells if c.overrides != "activation=gem"]
    records += [record(c, 2, 0.0, status="diverged") for c in cells if c.overrides == "activation=gem"]
    made = overview([build(dataclasses.replace(preset, name=t, task=t), cells, records) for t in ("a", "b")])
    assert made
    assert not [patch for patch in made.axes[0].patches if isinstance(patch, Rectangle)]


def test_figures_that_nobody_saves_are_not_kept() -> None:
    """pyplot keeps its figures, and warns after twenty; warnings are errors here."""
    for _ in range(25):
        style.figure(1)


def test_a_grid_counts_by_its_mean_over_settings(preset: Preset) -> None:
    plan = dataclasses.replace(
        load_preset("quickstart"),
        task="grid",
        cells=[f"activation={a} recipe.lr={lr}" for a in ("gelu", "relu", "gem") for lr in (0.1, 0.2)],
    )
    points = cells_of(plan)
    means = {cell.overrides: 90.0 - 2 * ("relu" in cell.overrides) - 4 * ("gem" in cell.overrides) for cell in points}
    several = table_of(plan, points, means | {"activation=gem recipe.lr=0.2": 90.0})
    single = table_of(dataclasses.replace(preset, task="single"), cells_of(preset), {})
    made = overview([several, single])
    assert made
    texts = {text.get_position(): text.get_text() for text in made.axes[0].texts}
    titles = [tick.get_text() for tick in made.axes[0].get_xticklabels()]
    assert [texts[titles.index(title), 0] for title in ("ReLU", "GEM\nN=1")] == ["−2.00", "−2.00"]


def test_files_are_the_same_every_time(preset: Preset, cells: list[Cell], tmp_path: Path) -> None:
    written = []
    for _ in range(2):
        made = dict(preset_figures(table_of(preset, cells, {})))["quickstart_forest"]
        written.append([path.read_bytes() for path in save(made, tmp_path / "forest")])
    assert written[0] == written[1]


@pytest.mark.parametrize("name", ["ablation_n_digits", "ablation_eps_digits"])
def test_the_maps_of_presets(name: str) -> None:
    plan = dataclasses.replace(load_preset(name), seeds=2)
    made = dict(preset_figures(table_of(plan, cells_of(plan), {})))
    expected = {"ablation_n_digits": "ablation_n_digits_n", "ablation_eps_digits": "ablation_eps_digits_eps_n"}[name]
    assert expected in made


def test_rows_with_one_value_of_the_key_are_dots_and_their_average_a_line(preset: Preset) -> None:
    """GELU with two rates at each of two lengths: means 90.1 and 94.1 over seeds at 15 epochs, 92.1 and 93.1 at 9."""
    crossed = dataclasses.replace(
        preset, cells=[" ".join(words) for words in itertools.product(*GRID[0]) if words[0] == "activation=gelu"]
    )
    found = cells_of(crossed)
    means = dict(zip((cell.overrides for cell in found), (90.0, 92.0, 94.0, 93.0), strict=True))
    (panel,) = lines(table_of(crossed, found, means), "recipe.epochs").axes
    line = next(each for each in panel.lines if each.get_linestyle() != "None")
    assert list(line.get_ydata()) == pytest.approx([92.6, 92.1])
    dots = next(each for each in panel.lines if each.get_linestyle() == "None" and each.get_marker() == "o")
    assert sorted(dots.get_ydata()) == pytest.approx([90.1, 92.1, 93.1, 94.1])
    (text,) = panel.get_legend().get_texts()
    assert text.get_text() == "GELU"
