"""All tasks at one look: what each activation's difference to the reference is, and where a test finds it."""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.figures import style
from experiments.stats import pooled_sd
from experiments.studies.naming import signed
from experiments.studies.presets import compared_pairs
from experiments.tables.overall import Overall, standings
from experiments.tables.table import Row, Table

FULL = 4.0  # standard deviations at which a colour is full
FRAME = style.COLOURS[5]  # seen on either colour, dark or light
COLUMN = 16  # letters of a title that fit its width


def overview(tables: Sequence[Table]) -> Figure | None:
    """A column for each task, a row for each activation that at least two of them compare with the reference.

    Where another table has the same configuration with more seeds, its difference and its test are shown. Numbers are
    in the task's unit; colours in standard deviations over seeds, so that tasks can be seen side by side, and only
    where all planned runs of both have ended: two seeds say little about a spread. None without such an activation.
    """
    own = [(table, standings(table)) for table in tables if table.preset.task]
    columns = [
        (table, rows, pooled_sd([row.values for row in found.values()]))
        for table, found in own
        if (rows := best(table, found, tables))
    ]
    counts = Counter(title for _, rows, _ in sorted(columns, key=lambda column: -len(column[1])) for title in rows)
    titles = [title for title, count in counts.items() if count > 1]
    if not titles:
        return None
    made, (panel,) = style.figure(1, 2.2 + 1.15 * len(columns), 1.4 + 0.27 * len(titles))
    shades = numpy.full((len(titles), len(columns)), math.nan)
    texts = {}
    for j, (table, rows, sd) in enumerate(columns):
        reference_lacks = any(row.missing for row in table.rows if row.comparison is None)
        for i, row in ((i, rows[title]) for i, title in enumerate(titles) if title in rows):
            assert row.comparison
            value = row.comparison.main.value
            texts[i, j] = signed(value, min(table.digits, 3))
            better = value if table.metric.higher_is_better else -value
            shades[i, j] = better / sd if sd > 0 and not (reference_lacks or row.missing) else math.nan
            if row.comparison.different and not (table.left or row.missing):
                panel.add_patch(Rectangle((j - 0.47, i - 0.43), 0.94, 0.86, fill=False, color=FRAME, linewidth=2))
    image = style.value_map(panel, shades, texts, FULL, "RdBu")
    panel.set_xticks(range(len(columns)), [column_title(table, rows) for table, rows, _ in columns], fontsize=7.5)
    panel.xaxis.tick_top()
    panel.set_yticks(range(len(titles)), titles)
    made.colorbar(image, ax=panel, label="sd over seeds (blue is better)", extend="both", pad=0.02)
    references = " or ".join(dict.fromkeys(table.reference for table, _, _ in columns))
    made.suptitle(f"Difference to {references}; framed where the corrected test finds it", fontsize=9)
    return made


def best(task: Table, own: Mapping[str, Row | Overall], tables: Sequence[Table]) -> dict[str, Row | Overall]:
    """The task's ``own`` rows with a difference, each from the table that compares the same two with the most seeds.

    Of two with as many the smaller table, which is corrected for less besides the question.
    """
    found = dict(own)
    titles = {row.cell.run: title for title, row in own.items() if isinstance(row, Row)}
    reference = {row.cell.run for row in task.rows if row.comparison is None}
    for table in sorted(tables, key=lambda table: len(table.rows)) if titles else ():
        for row, other in both_ways(table):
            title = titles.get(row.cell.run)
            if title and other.cell.run in reference and len(row.values) > len(found[title].values):
                found[title] = row
    return {title: row for title, row in found.items() if row.comparison and not math.isnan(row.comparison.main.value)}


def both_ways(table: Table) -> Iterator[tuple[Row, Row]]:
    """Each row with what it is compared with, and the other way round."""
    rows = {row.cell.overrides: row for row in table.rows}
    for cell, reference in compared_pairs(table.preset).items():
        row, other = rows[cell], rows[reference]
        yield row, other
        if row.comparison:
            yield dataclasses.replace(other, comparison=row.comparison.turned()), row


def column_title(task: Table, rows: Mapping[str, Row | Overall]) -> str:
    unit = task.metric.difference_unit
    metric = task.metric.title + (f" ({unit})" if unit else "")
    counts = sorted({len(row.values) for row in rows.values()})
    n = f"n = {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else "")
    return "\n".join([*textwrap.wrap(str(task.preset.task), COLUMN), *textwrap.wrap(metric, COLUMN), n])
