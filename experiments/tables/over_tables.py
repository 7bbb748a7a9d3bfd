"""Footnotes on comparisons that other tables share: the verdict over all their runs."""

from __future__ import annotations

from experiments.studies.naming import shortened, with_interval
from experiments.tables.pair import Pair
from experiments.tables.pairs import PairBook
from experiments.tables.row import Row
from experiments.tables.table import Table


def over_tables_notes(table: Table, book: PairBook) -> tuple[str, ...]:
    """One line for each set of tables that decides on rows of this one.

    None if this table decides alone, and none for a demonstration.
    """
    if table.study is not None or table.preset.demonstration:
        return ()
    rows = table.by_overrides
    found: dict[tuple[str, ...], list[tuple[Row, Pair]]] = {}
    for name, other in table.pairs.items():
        pair = book.pair(rows[name].cell.run, rows[other].cell.run, table.metric.key)
        if pair and pair.ran and pair.tables != (table.preset.name,):
            found.setdefault(tuple(sorted(pair.tables)), []).append((rows[name], pair))
    return tuple(note(table, tables, pairs) for tables, pairs in found.items())


def note(table: Table, tables: tuple[str, ...], pairs: list[tuple[Row, Pair]]) -> str:
    names = ", ".join(f"`{name}`" for name in tables)
    texts = shortened([f"{row.title} {pair_words(pair, table.digits)}" for row, pair in pairs])
    if table.preset.name in tables:
        start = f"Other tables have runs of the same comparisons. Over {names} together"
    else:
        start = f"These seeds raised the question of {names}. The verdict is that of the seeds there"
    return f"{start}: {texts}. The overview, the findings and the README show these verdicts."


def pair_words(pair: Pair, digits: int) -> str:
    """``−0.05 [−0.10, +0.01], n = 15, corrected over 4: equivalent within ±0.1 points``"""
    verdict = pair.verdict
    if verdict is None:
        return pair.words
    interval = verdict.low, verdict.high
    shown = with_interval(verdict.estimate.value, *interval, digits)
    return f"{shown}, n = {pair.n}, corrected over {pair.comparisons}: {pair.words}"
