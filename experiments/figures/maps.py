"""The metric over configuration keys: lines over one key (depth, N), heat maps over two (ε × N, blocks × rate)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy
from matplotlib.figure import Figure

from experiments.figures import style
from experiments.figures.colours import legend, looks
from experiments.stats import pooled_sd
from experiments.studies.cells import value_at
from experiments.studies.naming import TITLES, activation_title, number, signed
from experiments.studies.presets import context
from experiments.tables.row import Row
from experiments.tables.table import Table

FULL = 3  # margins, or standard deviations, of full colour


def lines(table: Table, key: str) -> Figure:
    """Mean and sample sd over ``key``, a line for each activation. An activation without the key is a constant level.

    If several rows of an activation have one value of the key, a dot shows each, and the line their average.
    """
    made, (panel,) = style.figure(1, 5.4, 3.6)
    series: dict[str, list[tuple[Any, Row]]] = {}
    for row in table.rows:
        if row.values:
            series.setdefault(series_title(row, [key]), []).append((value_at(row.cell.config, key), row))
    positions = sorted({x for points in series.values() for x, _ in points if x is not None})
    reference = next((title for title, points in series.items() if any(row.is_reference for _, row in points)), "")
    shown_as = looks(list(series), reference)
    for index, (title, points) in enumerate(series.items()):
        look = shown_as[title]
        means = [row.summary.mean for _, row in points]
        if points[0][0] is None:
            panel.axhline(means[0], label=title, **look.plot)
            continue
        sds = [0.0 if math.isnan(row.summary.sd) else row.summary.sd for _, row in points]
        shown = [positions.index(x) + 0.04 * (index - len(series) / 2) for x, _ in points]
        panel.errorbar(shown, means, sds, color=look.colour, linestyle="none", marker="o", markersize=3)
        along = sorted(set(shown))
        average = [numpy.mean([mean for x, mean in zip(shown, means, strict=True) if x == place]) for place in along]
        panel.plot(along, average, label=title, **look.plot)
    panel.set_xticks(range(len(positions)), [number(x) for x in positions])
    panel.set(xlabel=axis_title(key), ylabel=table.metric.heading)
    style.headline(made, f"{table.preset.title}: mean ± sd over seeds")
    legend(panel, shown_as)
    return made


def heat_map(table: Table, x: str, y: str) -> Figure:
    """Difference to the reference over two keys, a panel for each activation; blue is better.

    The colour is full at three times the margin, so that equivalent values are pale (``full_colour``).

    If the preset varies more keys, the cells shown are those at the commonest value of each.
    """
    rows = at_base(table, [x, y])
    panels: dict[str, list[Row]] = {}
    for row in rows:
        if not row.is_reference and None not in (value_at(row.cell.config, x), value_at(row.cell.config, y)):
            panels.setdefault(series_title(row, [x, y]), []).append(row)
    across, down = (axis_values(panels, key) for key in (x, y))
    columns = min(len(panels), 3)
    size = 1.2 + 0.62 * len(across), 1.1 + 0.42 * len(down)
    made, axes = style.figure(columns, size[0], size[1], rows=math.ceil(len(panels) / columns))
    grids = {title: grid(points, x, y, across, down) for title, points in panels.items()}
    top = full_colour(table, list(grids.values()))
    colours = better_is_blue(table)
    for panel, (title, values) in zip(axes, grids.items(), strict=False):
        texts = {
            (i, j): signed(value, table.digits) for (i, j), value in numpy.ndenumerate(values) if not math.isnan(value)
        }
        image = style.value_map(panel, values, texts, top, colours)
        panel.set_xticks(range(len(across)), [number(value) for value in across])
        panel.set_yticks(range(len(down)), [number(value) for value in down])
        panel.set_title(title, fontsize=9)
        panel.set(xlabel=axis_title(x), ylabel=axis_title(y))
    for panel in axes[len(grids) :]:
        panel.set_visible(False)
    unit = table.metric.difference_unit
    name = f"difference to {table.reference} ({unit})" if unit else f"difference to {table.reference}"
    made.colorbar(image, ax=axes, label=name, pad=0.02, extend="both")
    margin = f"\nmargin ±{table.preset.margin:g} {unit}".rstrip() if table.preset.margin else ""
    style.headline(made, f"{table.preset.title}{margin}")
    return made


def better_is_blue(table: Table) -> str:
    return "RdBu" if table.metric.higher_is_better else "RdBu_r"


def full_colour(table: Table, grids: Sequence[numpy.ndarray]) -> float:
    """The difference of full colour: three times the margin. Without one, the largest, but at least three sd of a run.

    So noise alone is always pale.
    """
    if table.preset.margin:
        return FULL * table.preset.margin
    largest = max((float(numpy.nanmax(abs(g))) for g in grids if not numpy.isnan(g).all()), default=0.0)
    sd = pooled_sd([row.values for row in table.rows])
    return max(largest, 0.0 if math.isnan(sd) else FULL * sd) or 1.0


def at_base(table: Table, keys: Sequence[str]) -> list[Row]:
    """The rows in which every key but ``keys`` has the value that most cells have."""
    varied = {word.partition("=")[0] for row in table.rows for word in context(row.cell.overrides)} - set(keys)
    rows = list(table.rows)
    for key in sorted(key for key in varied if "." in key):
        values = [value_at(row.cell.config, key) for row in table.rows]
        common = max(dict.fromkeys(values), key=values.count)
        rows = [row for row in rows if value_at(row.cell.config, key) == common]
    return rows


def series_title(row: Row, keys: Sequence[str]) -> str:
    """The activation without the parameters on the axes."""
    activation = row.cell.config.activation
    shown = {key: value for key, value in activation.items() if f"activation.{key}" not in keys}
    return activation_title(shown) if len(shown) > 1 else TITLES.get(activation["name"], activation["name"])


def axis_values(panels: dict[str, list[Row]], key: str) -> list[Any]:
    return sorted({value_at(row.cell.config, key) for rows in panels.values() for row in rows})


def grid(rows: Sequence[Row], x: str, y: str, across: Sequence[Any], down: Sequence[Any]) -> numpy.ndarray:
    """Differences as an array [down, across]; nan if there is none."""
    values = numpy.full((len(down), len(across)), math.nan)
    for row in rows:
        config = row.cell.config
        values[down.index(value_at(config, y)), across.index(value_at(config, x))] = row.difference
    return values


def axis_title(key: str) -> str:
    name = key.rpartition(".")[2]
    return {"eps": "ε", "lr": "learning rate", "batch_size": "batch size"}.get(name, name)
