"""Expected seeds and power of studies with looks: the fast rule is the one that is used, the figures are right."""

from __future__ import annotations

import numpy
import pytest

from experiments.stats import Looks, expected_course, follow_rows
from experiments.stats.course import DIFFERENT, EQUIVALENT, settle, statistics_at
from experiments.stats.estimate import Test


@pytest.mark.parametrize("test", ["paired", "welch"])
@pytest.mark.parametrize("margin", [None, 1.0])
def test_many_studies_at_once_are_judged_as_one(test: Test, margin: float | None) -> None:
    """Two hundred studies of three rows, by ``settle`` and by ``follow_rows``: look, finding and interval are equal."""
    looks = Looks((5, 8, 12), "pocock", test)
    rng = numpy.random.default_rng(0)
    reference = rng.standard_normal((200, 1, 12))
    rows = rng.standard_normal((200, 3, 12)) * 0.5 + reference * 0.5 + numpy.array([0.0, 0.4, 1.5])[:, None]
    found = (
        statistics_at(looks.sizes, rows - reference)
        if test == "paired"
        else statistics_at(looks.sizes, rows, reference)
    )
    settled = settle(found, looks, 3, margin)
    kinds = set()
    for study in range(200):
        groups = {"gelu": dict(enumerate(reference[study, 0]))} | {
            f"{i}": dict(enumerate(rows[study, i])) for i in range(3)
        }
        states = follow_rows(groups, dict.fromkeys(("0", "1", "2"), "gelu"), True, looks, range(12), margin)
        for i in range(3):
            state, kind = states[f"{i}"], settled.kind[study, i]
            assert state.verdict is not None
            assert state.look - 1 == settled.look[study, i]
            assert state.verdict.different == (kind == DIFFERENT)
            assert state.verdict.within_margin == settled.within[study, i]
            assert (state.verdict.within_margin and not state.verdict.different) == (kind == EQUIVALENT)
            expected = settled.low[study, i], settled.high[study, i]
            assert (state.verdict.low, state.verdict.high) == pytest.approx(expected)
            kinds.add(int(kind))
    assert len(kinds) == (2 if margin is None else 3)


def test_power_and_seeds_of_six_rows() -> None:
    """O'Brien–Fleming, six rows, one and two sds of the difference: 91 % after 18.3 seeds, 100 % after 12.1.

    A coarser simulation had 18.5 and 12.5: its level at the third look was 0.0005, where 0.0006 spends the plan.
    """
    course = expected_course(Looks((5, 8, 12, 20)), [1.0, 2.0, 0.0, 0.0, 0.0, 0.0])
    assert [row.different for row in course.rows[:3]] == pytest.approx([0.91, 1.0, 0.008], abs=0.01)
    assert [row.seeds for row in course.rows[:3]] == pytest.approx([18.3, 12.1, 20.0], abs=0.1)
    assert course.seeds == pytest.approx(20, abs=0.01)
    assert course.error < 0.004
    for row in course.rows:
        assert row.different + row.equivalent + row.open == pytest.approx(1)
        assert sum(row.by_look) == pytest.approx(row.different + row.equivalent)


def test_equivalence_stops_a_study_and_correlated_rows_stop_together() -> None:
    looks = Looks((5, 8, 12, 20), "pocock")
    alone = expected_course(looks, [0.0, 0.0], margin=2.0, correlation=0.0)
    alike = expected_course(looks, [0.0, 0.0], margin=2.0, correlation=0.95)
    assert alone.rows[0].equivalent > 0.9
    assert alone.rows[0].seeds == pytest.approx(alike.rows[0].seeds, abs=0.15)
    assert alike.seeds < alone.seeds - 0.3


def test_planned_comparisons_are_counted() -> None:
    looks = Looks((5, 8))
    assert (
        expected_course(looks, [1.0]).rows[0].different > expected_course(looks, [1.0], comparisons=6).rows[0].different
    )
