"""One error budget over a page of claims: intervals, p and words agree by either method."""

from __future__ import annotations

import math

import numpy
import pytest

from experiments.stats import Verdict, bonferroni, estimate_difference, judge, share_budget
from experiments.stats.estimate import Test
from experiments.stats.holm import holm, holm_levels
from experiments.stats.power import ALPHA


def alone(effect: float, seed: int, test: Test = "paired", n: int = 8, margin: float | None = 1.5) -> Verdict:
    """A comparison of a table of its own: units, direction, test and n differ from claim to claim."""
    rng = numpy.random.default_rng(seed)
    row, reference = dict(enumerate(rng.normal(effect, 1, n))), dict(enumerate(rng.normal(0, 1, n)))
    estimate = estimate_difference(row, reference, test)
    return judge(estimate, bool(seed % 2), bonferroni(1), bonferroni(1), margin)


PAGE = [
    *(alone(effect, i, "welch" if i % 3 else "paired") for i, effect in enumerate((0, 0, 0.5, 1, 1.5, 2, 3, 4, -4))),
    alone(0.0, 20, n=200, margin=0.9),
    alone(0.1, 21, n=300, margin=None),
    alone(1.0, 22, n=1),
]


def consistent(verdict: Verdict) -> bool:
    excludes = verdict.low > 0 or verdict.high < 0
    margin = verdict.margin
    inside = margin is not None and -margin < verdict.equal_low and verdict.equal_high < margin
    word = "better" if (verdict.estimate.value > 0) == verdict.higher_is_better else "worse"
    expected = word if excludes else "equivalent" if inside else "open" if verdict.estimate.testable else "untested"
    return (excludes, inside, expected) == (verdict.p < ALPHA, verdict.p_equal < ALPHA, verdict.kind)


@pytest.mark.parametrize("method", ["single-step", "holm"])
def test_interval_p_and_word_agree(method: str) -> None:
    shared = share_budget(PAGE, method)  # type: ignore[arg-type]
    assert all(consistent(verdict) for verdict in shared)
    assert {verdict.kind for verdict in shared} == {"better", "worse", "equivalent", "open", "untested"}


def test_single_step_multiplies_by_the_number_of_claims() -> None:
    for before, after in zip(PAGE, share_budget(PAGE), strict=True):
        if before.estimate.testable:
            assert after.p == pytest.approx(min(1.0, len(PAGE) * before.estimate.p))
            assert (after.low, after.high) == pytest.approx(before.estimate.interval(ALPHA / len(PAGE)))
        else:
            assert math.isnan(after.p)


def test_holm_finds_what_holm_finds_at_the_level_of_its_step() -> None:
    shared = share_budget(PAGE, "holm")
    tested = [v for v in shared if v.estimate.testable]
    raw = [v.estimate.p for v in tested]
    assert [v.p for v in tested] == pytest.approx(holm(raw))
    for verdict, level in zip(tested, holm_levels(raw), strict=True):
        assert verdict.nominal == pytest.approx(level)
        assert (verdict.low, verdict.high) == pytest.approx(verdict.estimate.interval(level))
    left = sum(v.p >= ALPHA for v in tested)
    assert {v.nominal for v in tested if not v.different} == {ALPHA / left}


def test_holm_finds_no_less_than_single_step() -> None:
    for one, other in zip(share_budget(PAGE), share_budget(PAGE, "holm"), strict=True):
        assert other.different >= one.different
        assert other.within_margin >= one.within_margin
        assert not other.p > one.p


def test_an_empty_page_and_an_unknown_method() -> None:
    assert share_budget([]) == share_budget([], "holm") == []
    with pytest.raises(ValueError, match="method=fdr: must be one of single-step, holm"):
        share_budget(PAGE, "fdr")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["single-step", "holm"])
def test_a_page_is_wrong_in_five_percent_of_studies(method: str) -> None:
    """Ten claims, six of them without a difference. At most 5 % of 500 pages have a wrong word; with one step, a wrong
    interval; with Holm's steps, at most 5 % of the intervals of found differences are wrong, on average over pages."""
    rng = numpy.random.default_rng(0)
    truth = numpy.array([0.0] * 6 + [1.0, 2.0, 3.0, 6.0])
    wrong_word = wrong_interval = 0
    false_coverage = 0.0
    for _ in range(500):
        drawn = rng.normal(truth[:, None], 1.0, (10, 6))
        page = [
            judge(estimate_difference(dict(enumerate(values)), dict.fromkeys(range(6), 0.0)), True, bonferroni(1))
            for values in drawn
        ]
        shared = list(zip(share_budget(page, method), truth, strict=True))  # type: ignore[arg-type]
        wrong_word += any(v.different for v, true in shared if true == 0)
        wrong_interval += any(not v.low <= true <= v.high for v, true in shared)
        found = [not v.low <= true <= v.high for v, true in shared if v.different]
        false_coverage += sum(found) / max(1, len(found))
    assert wrong_word / 500 < 0.07  # 5 % and two standard errors
    assert false_coverage / 500 < 0.07
    if method == "single-step":
        assert wrong_interval / 500 < 0.07
