"""The expected course of a study with looks, by simulation: the probability of each finding, and its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from scipy import stats

from experiments.stats.looks import Looks
from experiments.stats.power import ALPHA

STUDIES = 20_000
OPEN, DIFFERENT, EQUIVALENT = 0, 1, 2


@dataclass(frozen=True)
class RowCourse:
    """Probabilities for one row, and its mean number of seeds. ``by_look``: probability to be settled at each look."""

    different: float
    equivalent: float
    open: float
    seeds: float
    by_look: tuple[float, ...]


@dataclass(frozen=True)
class Course:
    """``seeds`` is the mean number at which all rows have stopped. Every probability has a standard error ``error``."""

    rows: list[RowCourse]
    seeds: float
    error: float


def expected_course(
    looks: Looks,
    effects: Sequence[float],
    margin: float | None = None,
    comparisons: int | None = None,
    correlation: float = 0.5,
    studies: int = STUDIES,
) -> Course:
    """Simulate a study whose rows truly differ from the reference by ``effects``.

    The unit of ``effects`` and ``margin`` is the sd of the paired difference. ``correlation`` is that between the
    differences of two rows: 0.5 if reference and rows have equal sds. The draws are the same at every call.
    """
    rng = numpy.random.default_rng(0)
    shape = (studies, len(effects), looks.sizes[-1])
    common = rng.standard_normal((studies, 1, looks.sizes[-1]))
    drawn = numpy.sqrt(correlation) * common + numpy.sqrt(1 - correlation) * rng.standard_normal(shape)
    differences = drawn + numpy.asarray(effects, dtype=float)[None, :, None]
    paired = Looks(looks.sizes, looks.spending)
    settled = settle(statistics_at(paired.sizes, differences), paired, comparisons or len(effects), margin)
    sizes = numpy.array(looks.sizes)
    rows = [
        RowCourse(
            different=float(numpy.mean(settled.kind[:, row] == DIFFERENT)),
            equivalent=float(numpy.mean(settled.kind[:, row] == EQUIVALENT)),
            open=float(numpy.mean(settled.kind[:, row] == OPEN)),
            seeds=float(numpy.mean(sizes[settled.look[:, row]])),
            by_look=tuple(
                float(numpy.mean((settled.look[:, row] == look) & (settled.kind[:, row] != OPEN)))
                for look in range(len(sizes))
            ),
        )
        for row in range(len(effects))
    ]
    return Course(rows, float(numpy.mean(sizes[settled.look.max(axis=1)])), 0.5 / studies**0.5)


@dataclass(frozen=True)
class Statistics:
    """Estimate and standard error of every study, row and look, and the degrees of freedom by look."""

    value: numpy.ndarray
    standard_error: numpy.ndarray
    df: numpy.ndarray


def statistics_at(sizes: Sequence[int], values: numpy.ndarray, reference: numpy.ndarray | None = None) -> Statistics:
    """Statistics of the first n values for each n in ``sizes``; the last axis of ``values`` is the seed.

    Without ``reference`` the values are paired differences. With it, Welch's t compares two arms.
    """
    mean, variance = _moments(sizes, values)
    n = numpy.array(sizes)
    if reference is None:
        return Statistics(mean, numpy.sqrt(variance / n), n - 1.0)
    other_mean, other_variance = _moments(sizes, reference)
    total = (variance + other_variance) / n
    df = total**2 / ((variance**2 + other_variance**2) / n**2 / (n - 1))
    return Statistics(mean - other_mean, numpy.sqrt(total), df)


def _moments(sizes: Sequence[int], values: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    index, n = numpy.array(sizes) - 1, numpy.array(sizes)
    mean = numpy.cumsum(values, axis=-1)[..., index] / n
    squares = numpy.cumsum(numpy.square(values), axis=-1)[..., index]
    return mean, numpy.maximum(squares - n * mean**2, 0) / (n - 1)


@dataclass(frozen=True)
class Settled:
    """For each study and row: the look that settled it (from 0; else the last), the finding, and the interval.

    If both were found, ``kind`` names the difference. ``within`` says that equivalence was found.
    """

    look: numpy.ndarray
    kind: numpy.ndarray
    within: numpy.ndarray
    low: numpy.ndarray
    high: numpy.ndarray


def settle(found: Statistics, looks: Looks, comparisons: int, margin: float | None = None) -> Settled:
    """The rule of ``follow_rows`` for many studies at once. ``test_course.py`` compares the two."""
    levels = numpy.array(looks.levels(ALPHA / comparisons))
    reach = stats.t.isf(levels / 2, found.df) * found.standard_error
    different = numpy.abs(found.value) > reach
    equivalent = numpy.zeros_like(different)
    if margin is not None:
        levels = numpy.array(looks.levels(ALPHA / comparisons, sides=1))
        inner = stats.t.isf(levels, found.df) * found.standard_error
        equivalent = numpy.abs(found.value) + inner < margin
    settled = different | equivalent
    look = numpy.where(settled.any(axis=-1), settled.argmax(axis=-1), settled.shape[-1] - 1)

    def taken(values: numpy.ndarray) -> numpy.ndarray:
        return numpy.take_along_axis(values, look[..., None], axis=-1)[..., 0]

    within = taken(equivalent)
    kind = numpy.where(taken(different), DIFFERENT, numpy.where(within, EQUIVALENT, OPEN))
    return Settled(look, kind, within, taken(found.value - reach), taken(found.value + reach))
