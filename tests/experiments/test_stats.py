"""Welch, Holm and the verdict, against worked examples and by simulation."""

from __future__ import annotations

import math

import numpy
import pytest

from experiments.stats import Difference, holm, summarise, verdict, welch


def test_sample_sd_has_ddof_1() -> None:
    summary = summarise([1.0, 2.0, 4.0])
    assert (summary.n, summary.mean) == (3, pytest.approx(7 / 3))
    assert summary.sd == pytest.approx(math.sqrt(7 / 3))  # squares 16/9 + 1/9 + 25/9 = 42/9, over n - 1 = 2


@pytest.mark.parametrize("values", [[], [1.0]])
def test_no_sd_below_two_values(values: list[float]) -> None:
    assert math.isnan(summarise(values).sd)


def test_welch_worked_example() -> None:
    """Two samples worked by hand: t = -1.5 / √(5/3/4 + 20/3/4) = -1.03923, 4.41176 degrees of freedom."""
    difference = welch([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 5.0, 7.0])
    assert difference.value == -1.5
    assert difference.p == pytest.approx(0.3526, abs=5e-4)
    half = 2.6777 * math.sqrt(25 / 12)  # 97.5 % quantile of t with 4.41176 degrees of freedom
    assert difference.low == pytest.approx(-1.5 - half, abs=2e-3)
    assert difference.high == pytest.approx(-1.5 + half, abs=2e-3)


@pytest.mark.parametrize(("a", "b"), [([1.0], [1.0, 2.0]), ([1.0, 1.0], [1.0, 1.0])])
def test_welch_without_enough_data_gives_no_interval(a: list[float], b: list[float]) -> None:
    assert math.isnan(welch(a, b).low)
    assert math.isnan(welch(a, b).p)


def test_one_side_without_spread_is_legal() -> None:
    difference = welch([1.0, 1.0, 1.0], [2.0, 2.1, 1.9])
    assert difference.high < 0


def test_holm_worked_example() -> None:
    """Sorted 0.01, 0.02, 0.04 times 3, 2, 1; a missing p takes no part."""
    assert holm([0.04, 0.01, math.nan, 0.02])[:2] == pytest.approx([0.04, 0.03])
    assert holm([0.04, 0.01, math.nan, 0.02])[3] == pytest.approx(0.04)
    assert math.isnan(holm([0.04, 0.01, math.nan, 0.02])[2])


def test_verdict_needs_the_corrected_test() -> None:
    difference = Difference(-0.65, -0.9, -0.4, 0.001)
    assert verdict(difference, 0.003, True, "points", 1) == "worse by 0.4 to 0.9 points"
    assert verdict(difference, 0.003, False, "nats", 1) == "better by 0.4 to 0.9 nats"
    assert verdict(difference, 0.06, True, "points", 1) == "no difference detectable"
    assert verdict(difference, math.nan, True, "points", 1) == "too few seeds to tell"


def test_coverage_and_family_wise_error() -> None:
    """300 studies without any true difference: intervals cover 95 %, few studies claim one."""
    rng = numpy.random.default_rng(0)
    covered, alarmed, comparisons, studies = 0, 0, 5, 300
    for _ in range(studies):
        draws = rng.normal(size=(comparisons + 1, 5)).tolist()
        differences = [welch(row, draws[0]) for row in draws[1:]]
        covered += sum(d.low <= 0 <= d.high for d in differences)
        alarmed += min(holm([d.p for d in differences])) < 0.05
    assert 0.93 <= covered / (studies * comparisons) <= 0.98  # chance, and Welch exceeds 0.95 a little at n = 5
    assert alarmed / studies <= 0.07
