"""Every comparison of two configurations in one place: pooled over all tables that have both.

Which runs count: the counted seeds of every table that has both configurations and the same metric. Exceptions are:

- A table whose seeds are all explored seeds of another of these tables. It only raised that table's question.
- A study with stages (tuning, looks). It asks another question: each activation at its own setting.
- A demonstration, whose runs are not on record for others.

How the error is shared: as in the table that has the pair, if it is one table. Otherwise the pooled runs are judged
with the error shared over the rows of the largest of these tables. If no table plans the comparison, the pair was
picked from all pairs of the rows, and the error is shared over all these pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments.stats.estimate import Test
from experiments.studies.presets import context
from experiments.tables.overall import Overall
from experiments.tables.pair import Pair
from experiments.tables.provenance import saw_other_data
from experiments.tables.row import Row
from experiments.tables.table import Table


@dataclass(frozen=True)
class Place:
    """A table that has both sides."""

    table: Table
    row: Row
    reference: Row

    @property
    def compared(self) -> bool:
        """Whether the table compares the two, in either order."""
        pairs, one, other = self.table.pairs, self.row.cell.overrides, self.reference.cell.overrides
        return pairs.get(one) == other or pairs.get(other) == one

    @property
    def comparisons(self) -> int:
        """The number of comparisons that share the table's error; all pairs if it does not compare these two."""
        if self.compared:
            return len(self.table.pairs)
        contexts = [frozenset(context(row.cell.overrides)) for row in self.table.rows]
        own, other = (frozenset(context(side.cell.overrides)) for side in (self.row, self.reference))
        counts = [contexts.count(each) for each in set(contexts)] if own == other else [len(contexts)]
        return sum(count * (count - 1) // 2 for count in counts)


class PairBook:
    """All comparisons that ``tables`` allow. Configurations are named by their run hash."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.places: dict[str, list[tuple[Table, Row]]] = {}
        for table in tables:
            pooled_here = table.study is None and not table.preset.demonstration
            for row in table.rows if pooled_here else ():
                self.places.setdefault(row.cell.run, []).append((table, row))

    def pair(self, run: str, reference: str, metric: str) -> Pair | None:
        """``run`` compared with ``reference``; None if no table has both."""
        others = {table.preset.name: row for table, row in self.places.get(reference, ())}
        found = [
            Place(table, row, others[table.preset.name])
            for table, row in self.places.get(run, ())
            if table.preset.name in others and table.metric.key == metric
        ]
        places = counting(found)
        return pooled(places) if places else None


def pair_within(table: Table, row: Row, reference: Row) -> Pair:
    """Two rows of one table, with its error."""
    return pooled([Place(table, row, reference)])


def counting(places: Sequence[Place]) -> list[Place]:
    """The places that count: those that do not only raise another's question."""
    return [place for place in places if not any(raised_by(place, other) for other in places)]


def raised_by(place: Place, other: Place) -> bool:
    """Whether all seeds of ``place`` are explored seeds of ``other``."""
    return set(place.table.preset.counted) <= set(range(other.table.preset.explored))


def pooled(places: Sequence[Place]) -> Pair:
    first, presets = places[0], [place.table.preset for place in places]
    compared = [place for place in places if place.compared]
    margins = [preset.margin for preset in presets if preset.margin is not None]
    test: Test = "welch" if all(preset.comparison == "welch" for preset in presets) else "paired"
    own = None
    if len(places) == 1 and compared and first.table.pairs.get(first.row.cell.overrides):
        own = first.row.verdict
    elif len(places) == 1 and compared and first.reference.verdict and not has_failures(first.reference):
        own = first.reference.verdict.turned()
    sides = [(place.row, place.reference) for place in places]
    runs = [record for place in places for record in place.table.runs]
    row_runs, reference_runs = ([r for r in runs if r["run"] == side.cell.run] for side in sides[0])
    return Pair(
        titles=(min((row.title for row, _ in sides), key=len), min((row.title for _, row in sides), key=len)),
        metric=first.table.metric,
        values=(united(row for row, _ in sides), united(reference for _, reference in sides)),
        diverged=(
            sorted({seed for row, _ in sides for seed in row.diverged}),
            sorted({seed for _, reference in sides for seed in reference.diverged}),
        ),
        margin=min(margins, default=None),
        test=test,
        comparisons=max(place.comparisons for place in compared or places),
        tables=tuple(preset.name for preset in presets),
        pending=any(is_pending(place) for place in places),
        other_data=saw_other_data(row_runs, reference_runs),
        own=own,
    )


def is_pending(place: Place) -> bool:
    """Whether a run of one side is missing, or the only deciding table has no verdict yet."""
    row = place.row if not place.row.is_reference else place.reference
    return bool(place.row.missing or place.reference.missing or (place.compared and row.kind == "pending"))


def has_failures(row: Row) -> bool:
    return bool(row.verdict and row.verdict.failures and row.verdict.failures.any)


def united(rows: Iterable[Row]) -> dict[int, float]:
    """The results of one configuration in several tables. A seed has the same result in all of them."""
    return dict(sorted({seed: value for row in rows for seed, value in row.values.items()}.items()))


def overall_pair(table: Table, row: Overall, reference: Overall, count: int) -> Pair:
    """Two activations over all settings of ``table``; ``count`` is the number of activations in the table."""
    with_reference = reference.is_reference or row.is_reference
    own = None
    if reference.is_reference:
        own = row.verdict
    elif row.is_reference and reference.verdict and not (reference.diverged or row.diverged):
        own = reference.verdict.turned()
    preset = table.preset
    return Pair(
        titles=(row.title, reference.title),
        metric=table.metric,
        values=(row.values, reference.values),
        diverged=(row.diverged, reference.diverged),
        margin=preset.margin,
        test="paired" if table.paired else "welch",
        comparisons=count - 1 if with_reference else count * (count - 1) // 2,
        tables=(preset.name,),
        pending="pending" in (row.kind, reference.kind),
        own=own,
    )
