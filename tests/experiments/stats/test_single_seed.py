"""First places of single draws, against enumeration and known cases."""

from __future__ import annotations

import itertools

import numpy
import pytest

from experiments.stats import first_places


def enumerated(groups: dict[str, list[float]], higher: bool) -> dict[str, float]:
    draws = list(itertools.product(*groups.values()))
    shares = dict.fromkeys(groups, 0.0)
    for draw in draws:
        best = (max if higher else min)(draw)
        first = [name for name, value in zip(groups, draw, strict=True) if value == best]
        for name in first:
            shares[name] += 1 / len(first) / len(draws)
    return shares


@pytest.mark.parametrize("higher", [True, False])
def test_equals_enumeration_with_ties(higher: bool) -> None:
    generator = numpy.random.default_rng(3)
    groups = {
        name: list(map(float, generator.integers(0, 4, size))) for name, size in zip("abcd", (2, 3, 4, 5), strict=True)
    }
    found = first_places(groups, higher)
    assert found == pytest.approx(enumerated(groups, higher))
    assert sum(found.values()) == pytest.approx(1)


def test_one_that_is_always_ahead() -> None:
    assert first_places({"a": [3.0, 4.0], "b": [1.0, 2.0], "c": [0.0]}, True) == {"a": 1.0, "b": 0.0, "c": 0.0}
    assert first_places({"a": [3.0, 4.0], "b": [1.0, 2.0]}, False) == {"a": 0.0, "b": 1.0}


def test_the_same_runs_share() -> None:
    assert first_places({"a": [1.0, 2.0], "b": [1.0, 2.0]}, True) == pytest.approx({"a": 0.5, "b": 0.5})
