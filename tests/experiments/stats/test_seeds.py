"""How many seeds the test of a study needs, in advance."""

from __future__ import annotations

import math

import numpy
import pytest

from experiments.stats import detectable_with, judge_rows, seeds_needed, spread_for
from experiments.stats.estimate import Test


def test_seeds_for_the_headline_claim() -> None:
    """0.07 points with a seed sd of 0.19 to 0.25: over a hundred seeds an arm."""
    assert [seeds_needed("welch", "difference", 0.07, sd) for sd in (0.19, 0.25)] == [117, 202]
    assert seeds_needed("welch", "difference", 0.07, 0.19, comparisons=6) > 150


@pytest.mark.parametrize("test", ["welch", "paired"])
def test_detectable_inverts_the_number_of_seeds(test: Test) -> None:
    least = detectable_with(test, 20, 0.3, 6)
    assert seeds_needed(test, "difference", least * 1.0001, 0.3, 6) == 20
    assert math.isnan(detectable_with(test, 1, 0.3))


@pytest.mark.parametrize("test", ["welch", "paired"])
def test_a_huge_difference_needs_two_or_three_seeds(test: Test) -> None:
    assert seeds_needed(test, "difference", 100.0, 0.1) in (2, 3)


@pytest.mark.parametrize(("difference", "sd"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
@pytest.mark.parametrize("test", ["welch", "paired"])
def test_what_has_no_answer_is_refused(test: Test, difference: float, sd: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        seeds_needed(test, "difference", difference, sd)


@pytest.mark.parametrize("test", ["welch", "paired"])
def test_seeds_for_equivalence_by_simulation(test: Test) -> None:
    n = seeds_needed(test, "equivalence", 1.0, 1.0)
    rng = numpy.random.default_rng(0)
    shown = 0
    for _ in range(600):
        row, reference = rng.normal(size=(2, n))
        if test == "paired":
            row, reference = rng.normal(size=n), numpy.zeros(n)
        groups = {"row": dict(enumerate(row)), "reference": dict(enumerate(reference))}
        shown += judge_rows(groups, {"row": "reference"}, True, 1.0, test=test)["row"].within_margin
    assert 0.74 < shown / 600 < 0.88


def test_the_spread_is_that_of_a_run_or_of_a_difference() -> None:
    """Seeds that move both alike: a run spreads by 1, a difference by 0.1."""
    groups = {"gelu": {0: -1.0, 1: 0.0, 2: 1.0}, "gem": {0: -0.9, 1: 0.0, 2: 0.9}}
    assert spread_for("welch", groups, {"gem": "gelu"}).low == pytest.approx(math.sqrt((1 + 0.81) / 2))
    assert spread_for("paired", groups, {"gem": "gelu"}).low == pytest.approx(0.1)
