"""One sd for a table if its rows have equal sds, else one for each pair."""

from __future__ import annotations

import math

import numpy
import pytest

from experiments.stats import pooled_sd, spread_of

PAIRS = {"relu": "gelu", "gem": "gelu"}


def seeds(sd: float) -> dict[int, float]:
    """Five values of exactly this sd."""
    base = numpy.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    return dict(enumerate(90 + base / base.std(ddof=1) * sd))


def test_rows_that_spread_alike_have_one_sd() -> None:
    found = spread_of({"gelu": seeds(0.1), "relu": seeds(0.12), "gem": seeds(0.09)}, PAIRS)
    assert found.alike
    assert found.low == pytest.approx(math.sqrt((0.01 + 0.0144 + 0.0081) / 3))


def test_rows_that_do_not_are_told_pair_by_pair() -> None:
    """A pooled sd of 0.58 would be wrong by far for ReLU beside GELU."""
    found = spread_of({"gelu": seeds(0.1), "relu": seeds(0.1), "gem": seeds(1.0)}, PAIRS)
    assert (found.low, found.high) == pytest.approx((0.1, math.sqrt(1.01 / 2)))
    assert found.text(lambda sd: f"{sd:.1f}") == "0.1 to 0.7"


@pytest.mark.parametrize("groups", [{}, {"gelu": {0: 1.0}, "relu": {0: 2.0}}, {"gelu": {0: 1.0, 1: 1.0}}])
def test_too_little_is_not_known(groups: dict[str, dict[int, float]]) -> None:
    assert not spread_of(groups, {}).known


def test_rows_without_spread_are_no_proof_of_another() -> None:
    found = spread_of({"gelu": {0: 1.0, 1: 1.0}, "relu": {0: 1.0, 1: 1.2}}, {"relu": "gelu"})
    assert found.alike
    assert found.low == pytest.approx(pooled_sd([{0: 1.0, 1: 1.0}, {0: 1.0, 1: 1.2}]))
