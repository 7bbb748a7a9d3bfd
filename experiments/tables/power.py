"""Footnote on power: what a table's seeds can show with its test, and how many seeds would show more."""

from __future__ import annotations

from experiments.stats.estimate import Test
from experiments.stats.seeds import Aim, detectable_with, seeds_needed, spread_for
from experiments.studies.naming import number
from experiments.tables.table import Table

SDS = {"welch": "the sd of one run", "paired": "the sd of a difference at one seed"}
TESTS = {"welch": "Welch's test", "paired": "the paired test"}


def power_notes(table: Table) -> list[str]:
    """One line; none if no spread is known. Figures in brackets are corrected over the rows."""
    test: Test = "paired" if table.paired else "welch"
    metric, rows = table.metric, len(table.pairs)
    spread = spread_for(test, table.values, table.pairs)
    most = max((len(row.values) for row in table.rows), default=0)
    if not spread.known or most < 2:
        return []
    unit, places = metric.difference_unit, metric.digits
    over = "all rows" if spread.alike else "the two sides of each row" if test == "welch" else "each row alone"
    why = "" if spread.alike else ", as the rows spread unequally"

    def least(comparisons: int) -> str:
        return spread.text(lambda sd: f"{detectable_with(test, most, sd, comparisons):.{places}f}")

    def seeds(aim: Aim, size: float) -> str:
        alone, corrected = (
            spread.text(lambda sd, k=k: str(seeds_needed(test, aim, size, sd, k)))  # type: ignore[misc]
            for k in (1, max(1, rows))
        )
        return f"{alone} seeds ({corrected} corrected)"

    text = (
        f"Power of {TESTS[test]}: {SDS[test]}, pooled over {over}{why}, is "
        f"{spread.text(lambda sd: f'{sd:.{places + 1}f}')} {unit}".rstrip()
        + f". With {most} seeds, a true difference of {least(1)} {unit}".rstrip()
        + f" is found with 80 % power ({least(rows)} corrected over {rows} rows)."
    )
    if table.preset.effect is not None:
        text += f" To find {number(table.preset.effect)} takes {seeds('difference', table.preset.effect)}."
    if table.preset.margin is not None:
        margin = table.preset.margin
        text += f" To show equal activations equivalent within ±{number(margin)} takes {seeds('equivalence', margin)}."
    return [text]
