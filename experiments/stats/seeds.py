"""Planning: how many seeds a study's test needs, and what a number of seeds can find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from experiments.stats.difference import Summary
from experiments.stats.estimate import Test, Values
from experiments.stats.power import ALPHA
from experiments.stats.sensitivity import (
    least_detectable,
    pairs_for_difference,
    pairs_for_equivalence,
    runs_for_difference,
    runs_for_equivalence,
)
from experiments.stats.spread import Spread, spread_of

Aim = Literal["difference", "equivalence"]


def spread_for(test: Test, groups: Mapping[str, Values], pairs: Mapping[str, str]) -> Spread:
    """The sd that the power of ``test`` depends on: of one run (Welch), or of the difference at one seed (paired)."""
    if test == "welch":
        return spread_of(groups, pairs)
    differences = {
        name: {seed: groups[name][seed] - groups[other][seed] for seed in groups[name] if seed in groups[other]}
        for name, other in pairs.items()
    }
    return spread_of(differences, {name: name for name in differences})


def detectable_with(test: Test, n: int, sd: float, comparisons: int = 1) -> float:
    """The true difference that ``n`` seeds find with 80 % power; nan for n < 2."""
    return least_detectable([Summary(n, 0.0, sd)] * (2 if test == "welch" else 1), ALPHA / max(1, comparisons))


def seeds_needed(test: Test, aim: Aim, size: float, sd: float, comparisons: int = 1) -> int:
    """Seeds that find a true difference of ``size``, or show equivalence within ``±size``, with 80 % power.

    Raises ValueError unless ``size`` and ``sd`` are above 0.
    """
    if test == "welch":
        runs = runs_for_difference if aim == "difference" else runs_for_equivalence
        return runs(size, (sd, sd), comparisons)
    pairs = pairs_for_difference if aim == "difference" else pairs_for_equivalence
    return pairs(size, sd, comparisons)
