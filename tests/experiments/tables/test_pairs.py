"""One comparison of a pair in one place: over all tables that have it, and the same on every page."""

from __future__ import annotations

import dataclasses

import pytest

from experiments.records.record import Record
from experiments.studies.cells import Cell
from experiments.studies.presets import Preset
from experiments.tables.over_tables import over_tables_notes
from experiments.tables.pairs import PairBook
from experiments.tables.table import Table, build
from tests.synthetic import record

NOISE = (-0.1, 0.0, 0.1, 0.07, -0.03, 0.02, -0.06, 0.05, 0.0, 0.04)
TWO = ("activation=gelu", "activation=gem")


def runs(cells: list[Cell], seeds: range, lead: float = 0.0) -> list[Record]:
    """GEM is ahead by ``lead``; every other activation has noise of its own."""
    return [
        record(c, s, 90 + lead * (c.overrides == "activation=gem") + NOISE[s] * (-1) ** i)
        for i, c in enumerate(cells)
        for s in seeds
    ]


def small(preset: Preset, cells: list[Cell], name: str, seeds: int, explored: int = 0, lead: float = 0.0) -> Table:
    """A table of GEM and GELU alone."""
    own = [cell for cell in cells if cell.overrides in TWO]
    plan = dataclasses.replace(preset, name=name, seeds=seeds, explored=explored, cells=[c.overrides for c in own])
    return build(plan, own, [r for r in runs(cells, range(seeds), lead) if r["run"] in {c.run for c in own}])


def run_of(cells: list[Cell], name: str) -> str:
    return next(cell.run for cell in cells if cell.overrides == f"activation={name}")


def test_a_pair_of_one_table_has_its_verdict(preset: Preset, cells: list[Cell]) -> None:
    table = build(preset, cells, runs(cells, range(3), 1.0))
    book = PairBook([table])
    pair = book.pair(run_of(cells, "gem"), run_of(cells, "gelu"), "test_accuracy")
    assert pair
    assert pair.verdict is table.by_overrides["activation=gem"].verdict
    assert over_tables_notes(table, book) == ()
    turned = book.pair(run_of(cells, "gelu"), run_of(cells, "gem"), "test_accuracy")
    assert turned
    assert (pair.kind, turned.kind) == ("better", "worse")


def test_runs_of_two_tables_are_pooled_and_corrected_over_the_larger(preset: Preset, cells: list[Cell]) -> None:
    """Three seeds in one table, six in the other, of which three are the same runs."""
    big, claim = build(preset, cells, runs(cells, range(3), 0.2)), small(preset, cells, "claim", 6, lead=0.2)
    book = PairBook([big, claim])
    pair = book.pair(run_of(cells, "gem"), run_of(cells, "gelu"), "test_accuracy")
    assert pair
    assert (pair.n, pair.comparisons, pair.tables) == (6, 5, ("quickstart", "claim"))
    assert pair.verdict
    assert pair.verdict.nominal == pytest.approx(0.05 / 5)
    for table in (big, claim):
        (note,) = over_tables_notes(table, book)
        assert note.startswith(
            "Other tables have runs of the same comparisons. Over `claim`, `quickstart` together: GEM"
        )
        assert f", n = 6, corrected over 5: {pair.words}." in note


def test_runs_of_a_demonstration_decide_nothing(preset: Preset, cells: list[Cell]) -> None:
    study = build(preset, cells, runs(cells, range(3), 0.2))
    shown = build(dataclasses.replace(preset, name="shown", seeds=6, demonstration=True), cells, runs(cells, range(6)))
    book = PairBook([study, shown])
    pair = book.pair(run_of(cells, "gem"), run_of(cells, "gelu"), "test_accuracy")
    assert pair
    assert (pair.n, pair.tables) == (3, (preset.name,))
    assert over_tables_notes(study, book) == over_tables_notes(shown, book) == ()


def test_seeds_that_only_raised_the_question_do_not_count(preset: Preset, cells: list[Cell]) -> None:
    """The first table's three seeds are the explored ones of the second; GEM led in them by chance."""
    first = build(preset, cells, runs(cells, range(3), 2.0))
    asked = small(preset, cells, "claim", 8, explored=3)
    book = PairBook([first, asked])
    pair = book.pair(run_of(cells, "gem"), run_of(cells, "gelu"), "test_accuracy")
    assert pair
    assert (pair.n, pair.tables, pair.kind) == (5, ("claim",), "open")
    (note,) = over_tables_notes(first, book)
    assert note.startswith(
        "These seeds raised the question of `claim`. The verdict is that of the seeds there: GEM (N=1)"
    )


def test_a_pair_that_no_table_compares_was_picked_from_all(preset: Preset, cells: list[Cell]) -> None:
    """Six rows make fifteen pairs."""
    book = PairBook([build(preset, cells, runs(cells, range(3)))])
    pair = book.pair(run_of(cells, "gem"), run_of(cells, "relu"), "test_accuracy")
    assert pair
    assert (pair.comparisons, pair.own) == (15, None)
    assert book.pair(run_of(cells, "gem"), "0" * 64, "test_accuracy") is None
    assert book.pair(run_of(cells, "gem"), run_of(cells, "relu"), "test_loss") is None


def test_while_a_run_is_missing_the_pair_is_pending(preset: Preset, cells: list[Cell]) -> None:
    gelu = run_of(cells, "gelu")
    lacking = [r for r in runs(cells, range(3)) if (r["run"], r["seed"]) != (gelu, 2)]
    pair = PairBook([build(preset, cells, lacking)]).pair(run_of(cells, "gem"), gelu, "test_accuracy")
    assert pair
    assert (pair.kind, pair.words, pair.different) == ("pending", "pending", False)


def test_other_data_in_one_of_the_tables_forbids_a_verdict(preset: Preset, cells: list[Cell]) -> None:
    claim = small(preset, cells, "claim", 6)
    other = runs(cells, range(3), 2.0)
    for each in other:
        each["provenance"]["data"] = "e" * 16
    pair = PairBook([claim, build(preset, cells, other)]).pair(
        run_of(cells, "gem"), run_of(cells, "gelu"), "test_accuracy"
    )
    assert pair
    assert (pair.verdict, pair.kind, pair.words) == (None, "other data", "no verdict: other data")
