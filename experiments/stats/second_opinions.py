"""Other analyses of a difference, beside the one that determines the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.stats.difference import Difference, bootstrap, improvement, mean_difference, paired, welch


@dataclass(frozen=True)
class SecondOpinions:
    """Both t tests with their 95 % intervals, a bootstrap interval, and the probability of improvement.

    None of them is corrected for several rows, and none affects a verdict.
    """

    welch: Difference
    paired: Difference
    bca: tuple[float, float]
    improvement: float


def second_opinions(
    values: Mapping[int, float], reference: Mapping[int, float], higher_is_better: bool
) -> SecondOpinions:
    """Second opinions on the difference between ``values`` and ``reference``, both by seed."""
    common = sorted(values.keys() & reference.keys())
    ours, theirs = list(values.values()), list(reference.values())
    return SecondOpinions(
        welch=welch(ours, theirs),
        paired=paired([values[seed] for seed in common], [reference[seed] for seed in common]),
        bca=bootstrap(mean_difference, ours, theirs),
        improvement=improvement(ours, theirs, higher_is_better),
    )
