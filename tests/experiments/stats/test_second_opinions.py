"""Second opinions on one difference: over the common seeds if paired, and over all runs if not."""

from __future__ import annotations

import numpy
import pytest

from experiments.stats import second_opinions


def test_pairing_by_seed_matches_seeds_not_positions() -> None:
    reference = {seed: float(seed) for seed in range(6)}
    values = {seed: seed + 0.1 + 0.01 * (seed % 2) for seed in (5, 3, 1, 0)}
    found = second_opinions(values, reference, True)
    assert found.paired.value == pytest.approx(0.1075)
    assert found.welch.value == pytest.approx(float(numpy.mean([5.11, 3.11, 1.11, 0.1])) - 2.5)


def test_the_other_way_round_every_view_is_turned() -> None:
    """The probability of improvement too."""
    rng = numpy.random.default_rng(7)
    one, other = dict(enumerate(rng.normal(0.3, 1.0, 12))), dict(enumerate(rng.normal(0.0, 1.0, 11)))
    there, back = second_opinions(one, other, True), second_opinions(other, one, True)
    assert 0.5 < there.improvement < 1
    assert back.improvement == pytest.approx(1 - there.improvement)
    for side in ("welch", "paired"):
        ahead, behind = getattr(there, side), getattr(back, side)
        assert (ahead.value, ahead.low, ahead.high) == pytest.approx((-behind.value, -behind.high, -behind.low))
    assert second_opinions(one, other, False).improvement == pytest.approx(1 - there.improvement)
