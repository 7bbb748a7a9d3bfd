"""Interval, p and word of one row: they agree, whatever the data."""

from __future__ import annotations

import math

import numpy
import pytest

from experiments.stats import Failures, Verdict, bonferroni, estimate_difference, judge, verdict_words
from experiments.stats.difference import Summary
from experiments.stats.estimate import Estimate
from experiments.stats.power import ALPHA
from experiments.stats.verdict import agreeing


def verdict(
    values: list[float],
    higher: bool = True,
    rows: int = 1,
    margin: float | None = None,
    failures: Failures | None = None,
) -> Verdict:
    """Of these differences by seed."""
    estimate = estimate_difference(dict(enumerate(values)), dict.fromkeys(range(len(values)), 0.0))
    return judge(estimate, higher, bonferroni(rows), bonferroni(rows), margin, failures)


def consistent(found: Verdict) -> bool:
    excludes = found.low > 0 or found.high < 0
    inside = found.margin is not None and -found.margin < found.equal_low and found.equal_high < found.margin
    word = "better" if (found.estimate.value > 0) == found.higher_is_better else "worse"
    expected = word if excludes else "equivalent" if inside else "open" if found.estimate.testable else "untested"
    return (excludes, inside, expected) == (found.p < ALPHA, found.p_equal < ALPHA, found.kind)


def test_interval_p_and_word_agree_on_random_data() -> None:
    rng = numpy.random.default_rng(0)
    kinds = set()
    for _ in range(3000):
        n, rows = int(rng.integers(0, 12)), int(rng.integers(1, 16))
        values = numpy.round(rng.normal(rng.normal(), 1, n), int(rng.integers(0, 4)))
        found = verdict(values.tolist(), bool(rng.integers(2)), rows, rng.choice([None, 0.5, 2.0]))
        assert consistent(found), found
        kinds.add(found.kind)
    assert kinds == {"better", "worse", "equivalent", "open", "untested"}


@pytest.mark.parametrize("n", [2, 3, 5, 10])
@pytest.mark.parametrize("rows", [1, 3, 6, 7, 15])
def test_they_agree_at_the_very_bound(n: int, rows: int) -> None:
    """The value that lies on the bound of the test, and its neighbours in floating point."""
    edge = Estimate(0.0, 1.0, n - 1, (Summary(n, 0.0, math.sqrt(n)),)).interval(ALPHA / rows)[1]
    for value in (numpy.nextafter(edge, 0), edge, numpy.nextafter(edge, 9e9), -edge):
        estimate = Estimate(float(value), 1.0, n - 1, (Summary(n, float(value), math.sqrt(n)),))
        assert consistent(judge(estimate, True, bonferroni(rows), bonferroni(rows), margin=0.5))


def test_agreeing_moves_p_by_the_last_bits_only() -> None:
    assert agreeing(ALPHA, found=True) < ALPHA
    assert agreeing(math.nextafter(ALPHA, 0), found=False) == ALPHA
    assert agreeing(0.03, found=True) == 0.03
    assert math.isnan(agreeing(math.nan, found=False))


def test_a_difference_inside_the_margin_is_named_first() -> None:
    found = verdict([0.10, 0.11, 0.12, 0.11], margin=0.5)
    assert (found.kind, found.within_margin, found.settled) == ("better", True, True)
    assert verdict_words(found, "points", 2) == "better by 0.10 to 0.12 points, but within ±0.5 points"


@pytest.mark.parametrize(
    ("values", "higher", "margin", "words"),
    [
        ([0.5, 0.6, 0.7, 0.6], True, None, "better by 0.5 to 0.7 points"),
        ([0.5, 0.6, 0.7, 0.6], False, None, "worse by 0.5 to 0.7 points"),
        ([-0.5, 0.6, -0.7, 0.6], True, None, "not significant (least detectable difference: 1.5 points)"),
        ([-0.1, 0.1, 0.1, -0.1], True, 0.5, "equivalent within ±0.5 points"),
        ([0.5], True, 0.5, "not tested: 1 of the 2 seeds that a test needs"),
        ([], True, 0.5, "not tested: 0 of the 2 seeds that a test needs"),
        ([-0.5, -0.5, -0.5], True, 0.9, "not tested: no spread (−0.5 points at all 3 seeds)"),
        ([0.0, 0.0], True, 0.9, "not tested: the same result at all 2 seeds"),
        ([0.1, 0.3, 0.12, 0.28], True, None, "better by 0.03 to 0.4 points"),
    ],
)
def test_words(values: list[float], higher: bool, margin: float | None, words: str) -> None:
    assert verdict_words(verdict(values, higher, margin=margin), "points", 1) == words


def test_words_without_a_unit() -> None:
    assert verdict_words(verdict([0.5, 0.6, 0.7, 0.6]), "", 1) == "better by 0.5 to 0.7"
    assert verdict_words(verdict([-0.5, 0.6, -0.7, 0.6]), "", 1).endswith("difference: 1.5)")


def test_the_least_detectable_difference_is_found_in_four_of_five_studies() -> None:
    """Of the corrected test: with the sd of these differences and five seeds."""
    found = verdict([-0.5, 0.6, -0.7, 0.6, 0.1], rows=6)
    sd = found.estimate.sides[0].sd
    drawn = numpy.random.default_rng(0).normal(found.least_detectable, sd, (4000, 5))
    t = drawn.mean(axis=1) / drawn.std(axis=1, ddof=1) * math.sqrt(5)
    bound = estimate_bound(0.05 / 6, 4)
    assert numpy.mean(numpy.abs(t) > bound) == pytest.approx(0.8, abs=0.02)


def estimate_bound(error: float, df: float) -> float:
    return Estimate(0.0, 1.0, df, ()).interval(error)[1]


@pytest.mark.parametrize("margin", [0.0, -1.0])
def test_a_margin_must_be_above_0(margin: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        verdict([1.0, 2.0], margin=margin)


def test_no_comparisons_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        bonferroni(0)


def test_turned_is_the_reference_beside_the_row() -> None:
    there, back = verdict([0.5, 0.6, 0.7, 0.6], margin=2.0), verdict([-0.5, -0.6, -0.7, -0.6], margin=2.0)
    assert there.turned() == back


BETTER, WORSE, OPEN = [0.5, 0.6, 0.7], [-0.5, -0.6, -0.7], [0.5, -0.4, 0.1]


@pytest.mark.parametrize(
    ("values", "row", "reference", "kind"),
    [
        (BETTER, 2, 0, "diverged"),
        (OPEN, 2, 0, "diverged"),
        (WORSE, 2, 0, "worse"),
        (BETTER, 0, 2, "better"),
        (WORSE, 0, 2, "diverged"),
        (OPEN, 0, 2, "diverged"),
        (WORSE, 2, 2, "diverged"),
        (BETTER, 2, 2, "diverged"),
        (BETTER, 0, 0, "better"),
    ],
)
def test_a_side_with_diverged_runs_is_never_the_better_one(
    values: list[float], row: int, reference: int, kind: str
) -> None:
    failures = Failures(row, 7, reference, 7, 0.2)
    assert verdict(values, failures=failures).kind == kind


def test_two_lucky_survivors_of_seven_are_no_verdict() -> None:
    """Five of seven runs diverged. Before, the two others made the row bold and better."""
    found = verdict([3.0, 3.01], margin=5.0, failures=Failures(5, 7, 0, 7, 0.0625))
    assert found.kind == "diverged"
    assert verdict_words(found, "points", 1) == (
        "diverged: 5 of 7 runs (reference: 0 of 7, p = 0.062); no verdict. "
        "Finished runs: better by 2.9 to 3.1 points, but within ±5 points"
    )
    with pytest.raises(ValueError, match="cannot be turned"):
        found.turned()


def test_worse_and_diverged_says_both() -> None:
    words = verdict_words(verdict(WORSE, failures=Failures(2, 5, 0, 5, 0.5)), "", 1)
    assert words == "worse by 0.4 to 0.8; diverged: 2 of 5 runs (reference: 0 of 5, p = 0.500)"
