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
LINE = 40  # letters in a line of a row's title
SHARE = 0.2  # of the tasks: fewer comparisons leave an activation out


@dataclass(frozen=True)
class Entry:
    """One activation on one task: its difference to the reference over ``n`` seeds.

    ``complete``: all planned runs of both have ended. In a study with looks, the activation's runs are enough.
    """

    value: float
    n: int
    different: bool
    complete: bool


def overview(tables: Sequence[Table]) -> Figure | None:
    """A row for each task, those with tuned values first, and a column for each activation compared with the reference.

    An activation needs a comparison in two tasks, and in a fifth of all. If several tables have the same two
    configurations, the verdict is that over all their runs (``pairs``). Numbers are in the task's unit. Colours are
    in standard deviations over seeds, so that tasks can be compared. A field has a colour only if all its planned
    runs have ended, because two seeds say little about a spread. None if there is no such activation.
    """
    book = PairBook(tables)
    compared = [(table, found) for table in tables if table.preset.task and (found := entries(table, book))]
    compared.sort(key=lambda pair: not pair[0].preset.tune)
    counts = Counter(title for _, found in sorted(compared, key=lambda pair: -len(pair[1])) for title in found)
    least = max(2, math.ceil(SHARE * len(compared)))
    titles = [title for title, count in counts.items() if count >= least]
    rows = [(table, found) for table, found in compared if set(found) & set(titles)]
    if not titles:
        return None
    made, (panel,) = style.figure(1, 3.6 + 0.62 * len(titles), 1.2 + 0.36 * len(rows))
    shades = numpy.full((len(rows), len(titles)), math.nan)
    texts = {}
    for i, (table, found) in enumerate(rows):
        sd = spread(table)
        for j, entry in ((j, found[title]) for j, title in enumerate(titles) if title in found):
            digits = table.digits - (table.digits > 3)  # a longer number does not fit its field
            texts[i, j] = signed(entry.value, digits)
            better = entry.value if table.metric.higher_is_better else -entry.value
            shades[i, j] = better / sd if sd > 0 and entry.complete else math.nan
            if entry.different:
                style.frame(panel, i, j)
    image = style.value_map(panel, shades, texts, FULL, "RdBu")
    panel.set_xticks(range(len(titles)), [stacked(title) for title in titles], fontsize=7.5)
    panel.xaxis.tick_top()
    panel.set_yticks(range(len(rows)), [row_title(table, found) for table, found in rows], fontsize=7.5)
    made.colorbar(image, ax=panel, label="sd over seeds (blue is better)", extend="both", pad=0.02)
    references = " or ".join(dict.fromkeys(table.reference for table, _ in rows))
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
    complete = not row.missing and (table.study is not None or not lacking)
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


def row_title(table: Table, found: dict[str, Entry]) -> str:
    """The task, and below it the metric, its unit and the number of seeds."""
    unit = table.metric.difference_unit
    counts = sorted({entry.n for entry in found.values()})
    n = f"n = {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else "")
    measured = textwrap.wrap(f"{table.metric.title}{f' ({unit})' if unit else ''}, {n}", LINE)
    return "\n".join([task_title(table), *measured])


def stacked(title: str) -> str:
    """``GEM (N=1)`` with each parameter on a line of its own, for a narrow column."""
    return title.removesuffix(")").replace(" (", "\n").replace(", ", "\n")
