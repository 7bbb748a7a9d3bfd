"""Welch's analysis of variance against R, against Welch's t, and where it cannot be computed."""

from __future__ import annotations

import math

import numpy
import pytest

from experiments.stats import welch, welch_anova

# Dried weights of plants, data set `PlantGrowth` of R (Dobson 1983, table 7.1).
CONTROL = [4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14]
TREATED_1 = [4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89, 4.32, 4.69]
TREATED_2 = [6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26]


def test_plant_growth() -> None:
    """R: oneway.test(weight ~ group, PlantGrowth): F = 5.181, df 2 and 17.128, p = 0.01739."""
    assert welch_anova([CONTROL, TREATED_1, TREATED_2]) == pytest.approx(0.01739, abs=5e-6)


def test_two_groups_are_welchs_t() -> None:
    assert welch_anova([CONTROL, TREATED_1]) == pytest.approx(welch(CONTROL, TREATED_1).p)


def test_equal_means_are_refused_as_often_as_it_says() -> None:
    """Groups of unequal spread: of 1,000 draws with one mean about 50 have p < 0.05."""
    generator = numpy.random.default_rng(0)
    draws = generator.normal(0, [[[1.0]], [[2.0]], [[4.0]]], (3, 1000, 10))
    refused = sum(welch_anova(list(draws[:, i])) < 0.05 for i in range(1000))
    assert 30 <= refused <= 70


@pytest.mark.parametrize("groups", [[], [[1.0, 2.0]], [[1.0, 2.0], [3.0]], [[1.0, 2.0], [3.0, 3.0]]])
def test_too_little_gives_nothing(groups: list[list[float]]) -> None:
    assert math.isnan(welch_anova(groups))
