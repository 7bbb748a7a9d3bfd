"""An activation has one colour in every figure, no panel has more than seven, and legends explain every mark."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from experiments.figures import preset_figures, style
from experiments.figures.colours import COLOURS, LINES, MOST, MUTED, OTHERS, colour_of, looks
from experiments.figures.functions import functions
from experiments.figures.landscape import surfaces
from experiments.figures.maps import full_colour, heat_map
from experiments.studies.cells import Cell, cells_of
from experiments.studies.naming import TITLES
from experiments.studies.presets import Preset, load_preset
from experiments.tables.table import Table, build
from tests.synthetic import record

MANY = ["activation=gelu", "activation=relu", *(f"activation=egem N=1 eps=1e-{k}" for k in range(1, 9))]


def table_of(preset: Preset, means: dict[str, float] | None = None) -> Table:
    cells = cells_of(preset)
    return build(
        preset, cells, [record(c, s, (means or {}).get(c.overrides, 90) + s / 10) for c in cells for s in range(3)]
    )


def legend_of(figure: Figure) -> list[str]:
    (legend,) = (panel.get_legend() for panel in figure.axes if panel.get_legend())
    return [text.get_text() for text in legend.get_texts()]


def test_seven_colours_are_seven_and_a_title_leads_to_its_own() -> None:
    assert len({*COLOURS.values(), OTHERS, MUTED}) == MOST + 2
    assert all(colour_of(TITLES[name]) == colour for name, colour in COLOURS.items())
    assert colour_of("E-GEM (N=1, ε=1e-4), lr 0.1") == COLOURS["egem"]
    assert colour_of("SE-GEM, linear (N=1, ε=1e-4)") == colour_of("SE-GEM, lr 0.1") == COLOURS["segem"]
    assert colour_of("GEMINI") == colour_of("Mish") == OTHERS


def test_no_two_lines_in_colour_look_alike() -> None:
    shown = looks([f"E-GEM (N=1, ε=1e-{k})" for k in range(1, MOST + 1)])
    assert len({(look.colour, look.line) for look in shown.values()}) == MOST == len(LINES)


def test_of_many_lines_seven_are_in_colour_and_one_of_each_activation_first() -> None:
    titles = ["Mish", *(f"E-GEM (N=1, ε=1e-{k})" for k in range(2, 10)), "ReLU", "GELU", "GEM (N=1)"]
    shown = looks(titles, "GELU")
    coloured = [title for title, look in shown.items() if not look.muted]
    assert {"GELU", "ReLU", "GEM (N=1)", "E-GEM (N=1, ε=1e-4)", "Mish"} < set(coloured)
    assert len(coloured) == MOST
    assert {look.colour for look in shown.values() if look.muted} == {MUTED}


def test_a_panel_of_many_curves_names_those_in_grey(preset: Preset) -> None:
    table = table_of(dataclasses.replace(preset, cells=MANY))
    made = dict(preset_figures(table))["quickstart_curves"]
    for panel in made.axes:
        coloured = [line for line in panel.lines if to_hex(line.get_color()).upper() != MUTED]
        assert len(coloured) == len(panel.collections) == MOST  # a line in grey has no band
        assert len(panel.lines) == len(MANY)
    *shown, grey, band = legend_of(made)
    assert (len(shown), band) == (MOST, "lowest to highest seed")
    assert grey.startswith("grey: ")
    listed = [*shown, *re.sub(r"\s+", " ", grey.removeprefix("grey: ")).split("; ")]
    assert sorted(listed) == sorted(row.title for row in table.rows)


def test_every_figure_of_a_preset_has_the_same_colour_of_an_activation(preset: Preset, cells: list[Cell]) -> None:
    made = dict(preset_figures(table_of(preset)))
    curves, dots = made["quickstart_curves"].axes[0].lines, made["quickstart_forest"].axes[0].lines
    in_curves = {str(line.get_label()): to_hex(line.get_color()) for line in curves}
    forest = [to_hex(line.get_markeredgecolor()) for line in dots if line.get_marker() == "o"]
    titles = [text.get_text() for text in made["quickstart_forest"].axes[0].get_yticklabels()]
    in_forest = dict(zip(titles, forest, strict=True))
    in_functions = {str(line.get_label()): to_hex(line.get_color()) for line in functions().axes[0].lines}
    assert in_forest.items() <= in_curves.items()
    assert all(in_functions[title] == in_curves[title] for title in ("ReLU", "GELU", "GoLU", "GEM (N=1)"))


def test_the_forest_explains_its_marks(preset: Preset, cells: list[Cell]) -> None:
    known = [{"cell": "activation=gem", "difference": -0.5, "source": "a paper"}]
    plan = dataclasses.replace(preset, margin=0.7, published=known)
    words = legend_of(dict(preset_figures(table_of(plan, {"activation=relu": 92.0})))["quickstart_forest"])
    assert words == [
        "significant difference",
        "not significant",
        "95 % interval, corrected",
        "published",
        "equivalence margin: ±0.7 points",
    ]
    words = legend_of(dict(preset_figures(table_of(dataclasses.replace(preset, margin=None))))["quickstart_forest"])
    assert words == ["not significant", "95 % interval, corrected"]


@pytest.mark.parametrize(("margin", "full"), [(0.5, 1.5), (None, 2.0)])
def test_a_difference_within_the_margin_is_pale(margin: float | None, full: float) -> None:
    """GELU at 90 and one E-GEM at 92: without a margin, the largest difference has the full colour."""
    plan = dataclasses.replace(load_preset("ablation_eps_digits"), seeds=3, margin=margin)
    table = table_of(plan, {"activation=egem N=1 eps=1e-4": 92.0})
    (panel, _) = heat_map(table, "activation.eps", "activation.N").axes
    assert panel.images[0].get_clim() == pytest.approx((-full, full))
    noise = table_of(dataclasses.replace(plan, margin=None))
    assert full_colour(noise, [numpy.zeros((2, 2))]) == pytest.approx(0.3)  # three sd, of 90.0, 90.1 and 90.2


def test_a_surface_names_its_axes() -> None:
    places = {"span": 1.0, "points": 3, "directions": "filter"}
    surface: dict[str, Any] = places | {"loss": [[3, 2, 3], [2, 1, 2], [3, 2, 3]]}
    (panel,) = surfaces({"runs": [{"title": "ReLU", "seed": 0, "surface": surface}]}).axes
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("first direction", "second direction")


def test_a_surface_along_directions_of_norm_1_shows_differences_to_its_mean() -> None:
    """Two networks whose losses lie far apart beside their variation share one scale."""
    places = {"span": 1.0, "points": 2, "directions": "global"}
    losses = {"ReLU": [[1.01, 1.0], [1.0, 0.99]], "GELU": [[7.0, 7.04], [7.0, 6.96]]}
    runs = [{"title": title, "seed": 0, "surface": places | {"loss": loss}} for title, loss in losses.items()]
    relu, gelu, bar = surfaces({"runs": runs}).axes
    shown = [numpy.asarray(panel.images[0].get_array()).ravel().tolist() for panel in (relu, gelu)]
    assert shown[0] == pytest.approx([0.01, 0.0, 0.0, -0.01])
    assert shown[1] == pytest.approx([0.0, 0.04, 0.0, -0.04])
    assert relu.images[0].get_clim() == gelu.images[0].get_clim() == pytest.approx((-0.04, 0.04))
    assert bar.get_ylabel() == "test loss less the panel's mean (nats)"


def test_a_pdf_embeds_truetype_fonts(tmp_path: Path) -> None:
    made, (panel,) = style.figure(1)
    panel.set_title("Ω")
    pdf = style.save(made, tmp_path / "figure")[1].read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


def test_a_headline_is_as_wide_as_its_figure() -> None:
    made, _ = style.figure(1, 3.0)
    style.headline(made, "A title of a study that is much longer than three inches can hold, and goes on")
    made.canvas.draw()
    box = made.texts[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= made.bbox.x1
