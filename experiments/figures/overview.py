"""All tasks at one look: what each activation's difference to the reference is, and where a test finds it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.figures import style
from experiments.naming import difference_unit, higher_is_better, signed
from experiments.notes import pooled_sd
from experiments.overall import Overall, standings
from experiments.tables import Row, Table

FULL = 4.0  # standard deviations at which a colour is full
FRAME = style.COLOURS[5]  # seen on either colour, dark or light


def overview(tables: Sequence[Table]) -> Figure | None:
    """A column for each task, a row for each activation that at least two of them compare with the reference.

    Numbers are differences in the task's unit; colours the same in standard deviations of one run, so that tasks can
    be seen side by side. None without such an activation.
    """
    columns = [(table, compared(table)) for table in tables]
    columns = [(table, rows) for table, rows in columns if rows]
    counts = Counter(title for _, rows in sorted(columns, key=lambda column: -len(column[1])) for title in rows)
    titles = [title for title, count in counts.items() if count > 1]
    if not titles:
        return None
    made, (panel,) = style.figure(1, 2.2 + 1.15 * len(columns), 1.4 + 0.27 * len(titles))
    shades = numpy.full((len(titles), len(columns)), math.nan)
    texts = {}
    for j, (table, rows) in enumerate(columns):
        sd = pooled_sd({title: row.values for title, row in standings(table).items()})
        for i, row in ((i, rows[title]) for i, title in enumerate(titles) if title in rows):
            assert row.comparison
            value = row.comparison.main.value
            texts[i, j] = signed(value, min(table.digits, 3))
            better = value if higher_is_better(table.preset.metric) else -value
            shades[i, j] = better / sd if sd > 0 else math.nan
            if row.comparison.different:
                panel.add_patch(Rectangle((j - 0.47, i - 0.43), 0.94, 0.86, fill=False, color=FRAME, linewidth=2))
    image = style.value_map(panel, shades, texts, FULL, "RdBu")
    panel.set_xticks(range(len(columns)), [column_title(table) for table, _ in columns], fontsize=7.5)
    panel.xaxis.tick_top()
    panel.set_yticks(range(len(titles)), titles)
    made.colorbar(image, ax=panel, label="sd of one run (blue is better)", extend="both", pad=0.02)
    references = " or ".join(dict.fromkeys(table.reference for table, _ in columns))
    made.suptitle(f"Difference to {references}; framed where the corrected test finds it", fontsize=9)
    return made


def compared(table: Table) -> Mapping[str, Row | Overall]:
    """The rows that have a difference to the reference."""
    found = standings(table)
    return {title: row for title, row in found.items() if row.comparison and not math.isnan(row.comparison.main.value)}


def column_title(table: Table) -> str:
    metric = f"{table.preset.metric.rpartition('_')[2]} ({difference_unit(table.preset.metric)})".replace(" ()", "")
    counts = sorted({len(row.values) for row in standings(table).values() if row.values})
    n = f"n = {counts[0]}" + (f" to {counts[-1]}" if counts[0] != counts[-1] else "")
    return f"{table.preset.task}\n{metric}\n{n}"
