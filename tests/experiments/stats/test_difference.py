"""Summaries and differences against worked examples from textbooks and from R."""

from __future__ import annotations

import math

import numpy
import pytest

from experiments.stats import bootstrap, improvement, paired, summarise, welch

# Student's sleep data (1908), data set `sleep` of R: extra hours with drug 1 and drug 2, ten patients.
DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
# Spatial test scores of 26 children: Efron and Tibshirani, An Introduction to the Bootstrap (1993), table 14.1.
SPATIAL = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]


def test_sample_sd_has_ddof_1() -> None:
    summary = summarise([1.0, 2.0, 4.0])
    assert (summary.n, summary.mean) == (3, pytest.approx(7 / 3))
    assert summary.sd == pytest.approx(math.sqrt(7 / 3))  # squares 16/9 + 1/9 + 25/9 = 42/9, over n - 1 = 2


@pytest.mark.parametrize("values", [[], [1.0]])
def test_no_sd_below_two_values(values: list[float]) -> None:
    assert math.isnan(summarise(values).sd)


def test_welch_on_the_sleep_data() -> None:
    """R: t.test(extra ~ group, sleep): p = 0.07939, interval -3.3654832 to 0.2054832."""
    difference = welch(DRUG_1, DRUG_2)
    assert difference.value == pytest.approx(-1.58)
    assert difference.p == pytest.approx(0.07939, abs=5e-6)
    assert (difference.low, difference.high) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)


def test_paired_on_the_sleep_data() -> None:
    """R: t.test(…, paired = TRUE): p = 0.002833, interval -2.4598858 to -0.7001142."""
    difference = paired(DRUG_1, DRUG_2)
    assert difference.p == pytest.approx(0.002833, abs=5e-7)
    assert (difference.low, difference.high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], [1.0]), ([1.0, 1.0], [1.0, 1.0])])
def test_too_little_data_gives_no_interval(a: list[float], b: list[float]) -> None:
    for difference in (welch(a, b), paired(a, b)):
        assert math.isnan(difference.low)
        assert math.isnan(difference.p)


def test_one_side_without_spread_is_legal() -> None:
    assert welch([1.0, 1.0, 1.0], [2.0, 2.1, 1.9]).high < 0


def test_bca_on_the_spatial_test() -> None:
    """Efron and Tibshirani, table 14.2: 90 % BCa interval 115.8 to 259.6 for the variance (2,000 resamples there)."""
    low, high = bootstrap(lambda a, axis: numpy.var(a, axis=axis), SPATIAL, level=0.9)
    assert (low, high) == pytest.approx((115.8, 259.6), rel=0.02)
    assert bootstrap(lambda a, axis: numpy.var(a, axis=axis), SPATIAL, level=0.9) == (low, high)


def test_bca_needs_ten_values_and_spread() -> None:
    for values in ([1.0, 2.0, 3.0], [1.0] * 20):
        assert all(math.isnan(end) for end in bootstrap(numpy.mean, values))


def test_improvement_is_the_share_of_won_pairs() -> None:
    """Of the nine pairs of (1, 2, 3) with (0, 2, 2.5): 5 won, 3 lost, 1 tied."""
    assert improvement([1.0, 2.0, 3.0], [0.0, 2.0, 2.5], True) == pytest.approx((5 + 0.5) / 9)
    assert improvement([1.0, 2.0, 3.0], [0.0, 2.0, 2.5], False) == pytest.approx((3 + 0.5) / 9)
    assert math.isnan(improvement([], [1.0], True))
