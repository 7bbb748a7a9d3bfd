"""Power of the tests that are used: against statsmodels, against simulated studies, and the old figures beside it."""

from __future__ import annotations

import math

import numpy
import pytest
from statsmodels.stats.power import TTestIndPower, TTestPower

from experiments.stats import (
    Summary,
    least_detectable,
    pairs_for_difference,
    pairs_for_equivalence,
    power_of_difference,
    power_of_equivalence,
    runs_for_difference,
    runs_for_equivalence,
)
from experiments.stats.estimate import paired_estimate, welch_estimate


def pairs(n: int, sd: float = 1.0) -> list[Summary]:
    return [Summary(n, 0.0, sd)]


def arms(n: int, sd: float = 1.0, other: float = 1.0, m: int | None = None) -> list[Summary]:
    return [Summary(n, 0.0, sd), Summary(m or n, 0.0, other)]


@pytest.mark.parametrize("n", [3, 5, 10, 40])
@pytest.mark.parametrize("error", [0.05, 0.05 / 6])
def test_paired_power_is_that_of_the_noncentral_t(n: int, error: float) -> None:
    for size in (0.3, 1.0, 2.5):
        expected = TTestPower().power(size, n, error)
        if not math.isnan(expected):  # lost in rounding there
            assert power_of_difference(pairs(n), size, error) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("sides", [arms(3), arms(5, 1.0, 0.1), arms(4, 2.0, 1.0, 8)])
def test_welch_power_is_that_of_simulated_studies(sides: list[Summary]) -> None:
    rng = numpy.random.default_rng(0)
    found = 0
    for _ in range(4000):
        row, reference = (dict(enumerate(rng.normal(0, side.sd, side.n))) for side in sides)
        estimate = welch_estimate({seed: value + 2.0 for seed, value in row.items()}, reference)
        found += estimate.p < 0.05
    assert power_of_difference(sides, 2.0) == pytest.approx(found / 4000, abs=0.025)


def test_the_old_eighty_percent_is_seventy_at_three_seeds() -> None:
    """The difference that Student's test finds with 80 % power, Welch's finds with 70 %."""
    for n, power in ((3, 0.70), (20, 0.80)):
        size = TTestIndPower().solve_power(nobs1=n, alpha=0.05, power=0.8)
        assert power_of_difference(arms(n), size) == pytest.approx(power, abs=0.005)


@pytest.mark.parametrize("difference", [0.0, 0.4])
def test_power_of_equivalence_is_that_of_simulated_studies(difference: float) -> None:
    rng = numpy.random.default_rng(1)
    shown = 0
    for _ in range(4000):
        drawn = dict(enumerate(rng.normal(difference, 1.0, 8)))
        shown += paired_estimate(drawn, dict.fromkeys(drawn, 0.0)).p_within(1.2) < 0.05
    assert power_of_equivalence(pairs(8), 1.2, difference) == pytest.approx(shown / 4000, abs=0.025)


@pytest.mark.parametrize("sides", [pairs(3), pairs(8, 0.2), arms(5, 1.0, 3.0)])
@pytest.mark.parametrize("error", [0.05, 0.05 / 15])
def test_the_least_detectable_difference_has_eighty_percent_power(sides: list[Summary], error: float) -> None:
    assert power_of_difference(sides, least_detectable(sides, error), error) == pytest.approx(0.8)


@pytest.mark.parametrize("sides", [pairs(1), pairs(5, 0.0), pairs(0, math.nan), arms(5, 0.0, 0.0), arms(1)])
def test_nothing_is_detectable_without_spread_or_seeds(sides: list[Summary]) -> None:
    assert math.isnan(least_detectable(sides))
    assert math.isnan(least_detectable(pairs(5), 0.0))


def test_seeds_needed_are_the_fewest_with_enough_power() -> None:
    for comparisons in (1, 6):
        n = pairs_for_difference(0.8, 1.0, comparisons)
        assert power_of_difference(pairs(n), 0.8, 0.05 / comparisons) >= 0.8
        assert power_of_difference(pairs(n - 1), 0.8, 0.05 / comparisons) < 0.8
        n = pairs_for_equivalence(0.8, 1.0, comparisons)
        assert power_of_equivalence(pairs(n), 0.8, error=0.05 / comparisons) >= 0.8
        assert power_of_equivalence(pairs(n - 1), 0.8, error=0.05 / comparisons) < 0.8
        n = runs_for_difference(0.8, (1.0, 0.2), comparisons)
        assert power_of_difference(arms(n, 1.0, 0.2), 0.8, 0.05 / comparisons) >= 0.8
        assert power_of_difference(arms(n - 1, 1.0, 0.2), 0.8, 0.05 / comparisons) < 0.8
        n = runs_for_equivalence(0.8, (1.0, 0.2), comparisons)
        assert power_of_equivalence(arms(n, 1.0, 0.2), 0.8, error=0.05 / comparisons) >= 0.8
        assert power_of_equivalence(arms(n - 1, 1.0, 0.2), 0.8, error=0.05 / comparisons) < 0.8


def test_large_samples_need_as_many_runs_as_students_test() -> None:
    needed = TTestIndPower().solve_power(effect_size=0.07 / 0.25, alpha=0.05, power=0.8)
    assert runs_for_difference(0.07, (0.25, 0.25)) == math.ceil(needed)


@pytest.mark.parametrize("sds", [(0.0, 0.0), (-1.0, 1.0)])
def test_sds_without_an_answer_are_refused(sds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"sds=.*must be above 0"):
        runs_for_difference(1.0, sds)


def test_a_difference_of_0_has_no_answer() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        pairs_for_difference(0.0, 1.0)
    with pytest.raises(ValueError, match="must be above 0"):
        runs_for_difference(0.0, (1.0, 1.0))
