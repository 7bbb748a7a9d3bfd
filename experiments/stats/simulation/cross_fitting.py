"""Coverage of intervals for a difference between two activations, each at the setting chosen from the same runs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy
from scipy import stats

from experiments.stats.power import ALPHA

CHUNK = 500


@dataclass(frozen=True)
class Choices:
    """True means of the settings of the row and of the reference, in sds of one run.

    All settings of one activation at a seed share the fraction ``settings`` of a run's variance. Both activations
    share the fraction ``activations``.
    """

    title: str
    row: tuple[float, ...]
    reference: tuple[float, ...]
    settings: float = 0.0
    activations: float = 0.0


CASES = tuple(
    Choices(title, row, reference, settings, activations)
    for title, row, reference in (
        ("four equal settings", (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)),
        ("the best ahead by 0.5", (0.0, 0.5, 0.0, 0.0), (0.0, 0.0, 0.5, 0.0)),
        ("the best ahead by 1", (-2.0, -1.0, 0.0, -1.0), (-2.0, -1.0, 0.0, -1.0)),
        ("row: ahead by 0.5; reference: clear", (0.0, -0.5, -0.5, -0.5), (0.0, -9.0, -9.0, -9.0)),
        ("clear for both", (-9.0, -9.0, 0.0, -9.0), (-9.0, 0.0, -9.0, -9.0)),
    )
    for settings, activations in ((0.0, 0.0), (0.3, 0.3), (0.0, 0.6))
)


@dataclass(frozen=True)
class Coverage:
    """Shares of the studies in which a nominal 95 % interval contains the expected difference of the procedure."""

    jackknife: float
    over_seeds: float  # Student's t on the cross-fitted value of each seed, which ignores the variation of the choice


def simulate_coverage(choices: Choices, seeds: int, studies: int) -> Coverage:
    rng = numpy.random.default_rng(0)
    estimates, jackknife, naive = [], [], []
    for start in range(0, studies, CHUNK):
        row, reference = draw_pair(choices, seeds, min(CHUNK, studies - start), rng)
        by_seed = cross_fitted(row) - cross_fitted(reference)
        without = numpy.array(
            [
                (cross_fitted(numpy.delete(row, s, 2)) - cross_fitted(numpy.delete(reference, s, 2))).mean(axis=1)
                for s in range(seeds)
            ]
        )
        spread = numpy.square(without - without.mean(axis=0)).sum(axis=0)
        estimates.append(by_seed.mean(axis=1))
        jackknife.append(numpy.sqrt((seeds - 1) / seeds * spread))
        naive.append(by_seed.std(axis=1, ddof=1) / numpy.sqrt(seeds))
    found = numpy.concatenate(estimates)
    off = numpy.abs(found - found.mean())
    bound = stats.t.isf(ALPHA / 2, seeds - 1)
    held = [float(numpy.mean(off <= bound * numpy.concatenate(error))) for error in (jackknife, naive)]
    return Coverage(*held)


def draw_pair(
    choices: Choices, seeds: int, studies: int, rng: numpy.random.Generator
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Runs of the row and of the reference, study × setting × seed, each of variance 1."""
    common = numpy.sqrt(choices.activations) * rng.standard_normal((studies, 1, seeds))
    rest = numpy.sqrt(1 - choices.settings - choices.activations)
    sides = []
    for means in (choices.row, choices.reference):
        seed = numpy.sqrt(choices.settings) * rng.standard_normal((studies, 1, seeds))
        own = rest * rng.standard_normal((studies, len(means), seeds))
        sides.append(numpy.asarray(means)[:, None] + common + seed + own)
    return sides[0], sides[1]


def cross_fitted(runs: numpy.ndarray) -> numpy.ndarray:
    """The cross-fitted value of each seed (study × seed): its mean over the splits in which it was held out."""
    seeds = runs.shape[2]
    halves = itertools.combinations(range(seeds), seeds // 2)
    choosing = numpy.array([[seed in half for seed in range(seeds)] for half in halves])
    best = (runs @ choosing.T.astype(float)).argmax(axis=1)  # study × split
    held_out = (~choosing).astype(float)
    value = sum((best == setting) @ held_out * runs[:, setting] for setting in range(runs.shape[1]))
    return numpy.asarray(value / held_out.sum(axis=0))
