"""The difference of each activation to the reference in each setting of a study, and where it is significant."""

from __future__ import annotations

import math
import textwrap

import numpy
from matplotlib.figure import Figure

from experiments.figures import style
from experiments.figures.maps import better_is_blue, full_colour
from experiments.studies.naming import activation_title, cell_title, signed
from experiments.studies.presets import context
from experiments.tables.row import Row
from experiments.tables.table import Table

COLUMN = 16  # letters that fit the width of a title
MOST_SETTINGS = 8  # more columns are not legible


def settings_map(table: Table) -> Figure | None:
    """A column for each setting, a row for each activation. Blue is better; the title has the reference's mean.

    None for a table with one setting, or with too many to read.
    """
    settings: dict[str, dict[str, Row]] = {}
    for row in table.rows:
        words = " ".join(context(row.cell.overrides))
        settings.setdefault(words, {})[activation_title(row.cell.config.activation)] = row
    compared = [row for row in table.rows if not row.is_reference]
    titles = list(dict.fromkeys(activation_title(row.cell.config.activation) for row in compared))
    if not 2 <= len(settings) <= MOST_SETTINGS or not titles:
        return None
    made, (panel,) = style.figure(1, 2.6 + 0.95 * len(settings), 1.3 + 0.27 * len(titles))
    values = numpy.full((len(titles), len(settings)), math.nan)
    texts = {}
    for j, rows in enumerate(settings.values()):
        for i, row in ((i, rows[title]) for i, title in enumerate(titles) if title in rows):
            if math.isnan(row.difference):
                continue
            values[i, j] = row.difference
            texts[i, j] = signed(row.difference, table.digits)
            if row.different:
                style.frame(panel, i, j)
    image = style.value_map(panel, values, texts, full_colour(table, [values]), better_is_blue(table))
    heads = [setting_title(words, rows, table.digits) for words, rows in settings.items()]
    panel.set_xticks(range(len(settings)), heads, fontsize=7.5)
    panel.xaxis.tick_top()
    panel.set_yticks(range(len(titles)), titles)
    unit = f" ({table.metric.difference_unit})" if table.metric.difference_unit else ""
    made.colorbar(image, ax=panel, label=f"difference{unit}, blue is better", extend="both", pad=0.02)
    style.headline(made, f"{table.preset.title}: difference to {table.reference}; framed: significant (corrected)")
    return made


def setting_title(words: str, rows: dict[str, Row], digits: int) -> str:
    """The setting, and the mean of its reference."""
    dataset = next(iter(rows.values())).cell.config.dataset
    name = dataset.title if words == f"dataset={dataset.name}" else cell_title({"name": ""}, words).strip(", ")
    means = [
        f"{title} {row.summary.mean:.{digits}f}".replace("-", "−") for title, row in rows.items() if row.is_reference
    ]
    return "\n".join([*textwrap.wrap(name, COLUMN), *means])
