"""The difference with its standard error, against scipy, and where it cannot be tested."""

from __future__ import annotations

import math

import numpy
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from experiments.stats import estimate_difference
from experiments.stats.estimate import Test


def seeds(values: list[float]) -> dict[int, float]:
    return dict(enumerate(values))


ROW = seeds([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])  # R's data set `sleep`
REFERENCE = seeds([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


@pytest.mark.parametrize(("test", "p"), [("paired", 0.002833), ("welch", 0.07939)])
def test_p_and_interval_of_the_sleep_data(test: Test, p: float) -> None:
    """R: t.test(extra ~ group, sleep) with and without paired = TRUE."""
    found = estimate_difference(ROW, REFERENCE, test)
    assert found.value == pytest.approx(-1.58)
    assert found.p == pytest.approx(p, abs=5e-6)
    reference = stats.ttest_ind if test == "welch" else stats.ttest_rel
    options = {"equal_var": False} if test == "welch" else {}
    interval = reference(list(ROW.values()), list(REFERENCE.values()), **options).confidence_interval(0.9)
    assert found.interval(0.1) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("margin", [0.5, 1.58, 3.0])
def test_equivalence_is_that_of_statsmodels(margin: float) -> None:
    a, b = numpy.array(list(ROW.values())), numpy.array(list(REFERENCE.values()))
    paired, welch = (estimate_difference(ROW, REFERENCE, test) for test in ("paired", "welch"))
    assert paired.p_within(margin) == pytest.approx(ttost_paired(a, b, -margin, margin)[0])
    assert welch.p_within(margin) == pytest.approx(ttost_ind(a, b, -margin, margin, usevar="unequal")[0])


@pytest.mark.parametrize("test", ["paired", "welch"])
def test_p_is_below_the_error_exactly_where_the_interval_says_so(test: Test) -> None:
    found = estimate_difference(ROW, REFERENCE, test)
    for error in (found.p * 0.999, found.p * 1.001):
        low, high = found.interval(error)
        assert (low > 0 or high < 0) == (found.p < error)
    q = found.p_within(3.0)
    for error in (q * 0.999, q * 1.001):
        low, high = found.equivalence_interval(error)
        assert (low > -3.0 and high < 3.0) == (q < error)


def test_only_common_seeds_are_paired() -> None:
    found = estimate_difference({5: 5.1, 3: 3.1, 1: 1.11, 9: 70.0}, {seed: float(seed) for seed in range(6)})
    assert (found.n, found.df) == (3, 2)
    assert found.value == pytest.approx((0.1 + 0.1 + 0.11) / 3)


@pytest.mark.parametrize("test", ["paired", "welch"])
@pytest.mark.parametrize(("row", "reference"), [({}, {}), ({0: 1.0}, {0: 2.0}), ({0: 1.0, 1: 2.0}, {2: 1.0})])
def test_too_few_seeds_give_no_test(test: Test, row: dict[int, float], reference: dict[int, float]) -> None:
    found = estimate_difference(row, reference, test)
    assert not found.testable
    assert math.isnan(found.p)
    assert all(math.isnan(end) for end in found.interval(0.05))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_spread_that_is_rounding_is_no_spread(scale: float) -> None:
    """One image of 360 more at both seeds: the differences are equal but for their last bits, at any scale."""
    row, reference = (seeds([scale * 100 * k / 360 for k in right]) for right in ((344, 349), (343, 348)))
    found = estimate_difference(row, reference)
    assert found.standard_error == 0
    assert math.isnan(found.p)
    assert math.isnan(found.p_within(scale))


def test_small_values_have_a_spread_of_their_own() -> None:
    """Errors around 1e-13 are not rounding: the tolerance is relative to the values."""
    found = estimate_difference(seeds([1e-13, 3e-13, 2e-13]), seeds([4e-13, 5e-13, 9e-13]))
    assert found.p == pytest.approx(stats.ttest_1samp([-3.0, -2.0, -7.0], 0).pvalue)


def test_welch_with_one_side_without_spread() -> None:
    found = estimate_difference(seeds([1.0, 1.0, 1.0]), seeds([2.0, 2.1, 1.9]), "welch")
    assert found.df == pytest.approx(2)
    assert found.interval(0.05)[1] < 0


@pytest.mark.parametrize("test", ["paired", "welch"])
def test_turned_is_the_other_way_round(test: Test) -> None:
    there, back = estimate_difference(ROW, REFERENCE, test), estimate_difference(REFERENCE, ROW, test)
    turned = there.turned()
    assert (turned.value, turned.standard_error, turned.p) == pytest.approx((back.value, back.standard_error, back.p))
    assert [side.mean for side in turned.sides] == pytest.approx([side.mean for side in back.sides])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="seed 3: value"):
        estimate_difference({3: value}, {3: 1.0})
