"""Overview of all tasks: the difference of each activation to the reference, and where it is significant."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from matplotlib.figure import Figure

from experiments.figures import style
from experiments.stats import pooled_sd
from experiments.studies.naming import signed
from experiments.tables.overall import Overall, standings
from experiments.tables.pairs import PairBook
from experiments.tables.row import Row
from experiments.tables.table import Table

FULL = 4.0  # standard deviations of full colour
COLUMN = 16  # letters that fit the width of a title


@dataclass(frozen=True)
class Entry:
    """One activation on one task: its difference to the reference over ``n`` seeds.

    ``complete``: all planned runs of both have ended.
    """

    value: float
    n: int
    different: bool
    complete: bool


def overview(tables: Sequence[Table]) -> Figure | None:
    """A column for each task, a row for each activation that at least two tasks compare with the reference.

    If several tables have the same two configurations, the verdict is that over all their runs (``pairs``). Numbers
    are in the task's unit. Colours are in standard deviations over seeds, so that tasks can be compared. A field has
    a colour only if all planned runs of both have ended, because two seeds say little about a spread. None if there is
    no such activation.
    """
    book = PairBook(tables)
    columns = [
        (table, found, spread(table)) for table in tables if table.preset.task and (found := entries(table, book))
    ]
    counts = Counter(title for _, found, _ in sorted(columns, key=lambda column: -len(column[1])) for title in found)
    titles = [title for title, count in counts.items() if count > 1]
    if not titles:
        return None
    made, (panel,) = style.figure(1, 2.2 + 1.15 * len(columns), 1.4 + 0.27 * len(titles))
    shades = numpy.full((len(titles), len(columns)), math.nan)
    texts = {}
    for j, (table, found, sd) in enumerate(columns):
        for i, entry in ((i, found[title]) for i, title in enumerate(titles) if title in found):
            texts[i, j] = signed(entry.value, min(table.digits, 3))
            better = entry.value if table.metric.higher_is_better else -entry.value
            shades[i, j] = better / sd if sd > 0 and entry.complete else math.nan
            if entry.different:
                style.frame(panel, i, j)
    image = style.value_map(panel, shades, texts, FULL, "RdBu")
    panel.set_xticks(range(len(columns)), [column_title(table, found) for table, found, _ in columns], fontsize=7.5)
    panel.xaxis.tick_top()
    panel.set_yticks(range(len(titles)), titles)
    made.colorbar(image, ax=panel, label="sd over seeds (blue is better)", extend="both", pad=0.02)
    references = " or ".join(dict.fromkeys(table.reference for table, _, _ in columns))
    style.headline(made, f"Difference to {references}; framed: significant (corrected); white: runs are missing")
    return made


def spread(table: Table) -> float:
    return pooled_sd([row.values for row in standings(table).values()])


def entries(table: Table, book: PairBook) -> dict[str, Entry]:
    """The activations with a difference to the reference, by title."""
    lacking = any(row.missing for row in table.rows if row.is_reference)
    found = {}
    for title, row in standings(table).items():
        if not row.is_reference and (entry := entry_of(table, row, book, lacking)):
            found[title] = entry
    return found


def entry_of(table: Table, row: Row | Overall, book: PairBook, lacking: bool) -> Entry | None:
    """The table's own verdict for a study with stages and for several settings; else the verdict over all tables."""
    complete = not (lacking or row.missing)
    if isinstance(row, Overall) or table.study is not None:
        known = not math.isnan(row.difference)
        return Entry(row.difference, len(row.values), row.different, complete) if known else None
    other = table.by_overrides[table.pairs[row.cell.overrides]]
    pair = book.pair(row.cell.run, other.cell.run, table.metric.key)
    verdict = pair.verdict if pair else None
    if pair is None or verdict is None or math.isnan(verdict.estimate.value):
        return None
    return Entry(verdict.estimate.value, pair.n, pair.different, complete)


def task_title(table: Table) -> str:
    """The title of a task. It says whether values were tuned, because a task may have a table of either kind."""
    return f"{table.preset.task}{', tuned' if table.preset.tune else ''}"


def column_title(table: Table, found: dict[str, Entry]) -> str:
    unit = table.metric.difference_unit
    metric = table.metric.title + (f" ({unit})" if unit else "")
    counts = sorted({entry.n for entry in found.values()})
    n = f"n = {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else "")
    return "\n".join([*textwrap.wrap(task_title(table), COLUMN), *textwrap.wrap(metric, COLUMN), n])
