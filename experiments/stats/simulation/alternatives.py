"""Tests for tables of few seeds: those that were tried and not adopted, and the adopted one, on the same draws."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy
from scipy import special, stats

from experiments.stats.power import ALPHA
from experiments.stats.simulation.scenarios import Scenario, draw_studies

Found = Callable[[numpy.ndarray], numpy.ndarray]  # differences (study × row × seed) → significant (study × row)
CORRELATION_GRID = numpy.linspace(0, 0.95, 20)


def own_variance(differences: numpy.ndarray) -> numpy.ndarray:
    """The adopted test: Student's t for each row, Bonferroni."""
    value, variance, n = _moments(differences)
    return _found(value, variance, n, n - 1)


def shrunken_variance(differences: numpy.ndarray) -> numpy.ndarray:
    """Variances shrunken to a common one, as limma does (Smyth 2004)."""
    value, variance, n = _moments(differences)
    shrunken, df = moderated(variance, n - 1)
    return _found(value, shrunken, n, df)


def larger_variance(differences: numpy.ndarray) -> numpy.ndarray:
    """The larger of the shrunken variance and the row's own, with limma's degrees of freedom."""
    value, variance, n = _moments(differences)
    shrunken, df = moderated(variance, n - 1)
    return _found(value, numpy.maximum(shrunken, variance), n, df)


def mean_variance_at_least(differences: numpy.ndarray) -> numpy.ndarray:
    """The row's own variance, but at least the mean of all rows, with twice the degrees of freedom."""
    value, variance, n = _moments(differences)
    return _found(value, numpy.maximum(variance, variance.mean(axis=1, keepdims=True)), n, 2 * (n - 1))


def largest_t(differences: numpy.ndarray) -> numpy.ndarray:
    """The bound of the largest |t| of correlated rows, at the observed mean correlation between the differences."""
    value, variance, n = _moments(differences)
    rows = differences.shape[1]
    centred = differences - value[..., None]
    unit = centred / numpy.maximum(numpy.sqrt(numpy.square(centred).sum(axis=2, keepdims=True)), 1e-300)
    observed = (numpy.square(unit.sum(axis=1)).sum(axis=1) - rows) / (rows * (rows - 1))
    bound = numpy.interp(observed, CORRELATION_GRID, largest_t_bounds(rows, n))
    return numpy.asarray(numpy.abs(value) / numpy.sqrt(variance / n) > bound[:, None])


ALTERNATIVES: dict[str, Found] = {
    "own variance (adopted)": own_variance,
    "largest t, correlation estimated": largest_t,
    "own variance, at least the mean of the table": mean_variance_at_least,
    "larger of own and shrunken variance": larger_variance,
    "shrunken variance (limma)": shrunken_variance,
}


def family_error(test: Found, scenario: Scenario, rows: int, n: int, studies: int) -> float:
    """Share of the studies that call a row different although none is."""
    hits = [test(values - reference).any(axis=1) for values, reference in draw_studies(scenario, rows, n, studies)]
    return float(numpy.mean(numpy.concatenate(hits)))


def power(test: Found, scenario: Scenario, rows: int, n: int, studies: int, effects: Sequence[float]) -> float:
    """Share of the rows of sd 1 that are called different when all of them differ by ``effects``."""
    ordinary = scenario.sds(rows) == 1
    drawn = draw_studies(scenario, rows, n, studies, effects)
    return float(numpy.mean(numpy.concatenate([test(v - r)[:, ordinary].ravel() for v, r in drawn])))


def moderated(variance: numpy.ndarray, df: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Shrunken variances (study × row) and their degrees of freedom (study × 1), by the moments of log s².

    As in limma, the mean variance is used if one common variance explains the variation of log s². The degrees of
    freedom are at most those of the pooled variance.

    Source: Smyth, Statistical Applications in Genetics and Molecular Biology 3 (2004), section 6.2.
    """
    log = numpy.log(variance) - special.digamma(df / 2) + numpy.log(df / 2)
    mean = log.mean(axis=1, keepdims=True)
    excess = log.var(axis=1, ddof=1, keepdims=True) - special.polygamma(1, df / 2)
    prior = 2 * inverse_trigamma(numpy.maximum(excess, 1e-6))
    centre = numpy.exp(mean + special.digamma(prior / 2) - numpy.log(prior / 2))
    centre = numpy.where(excess > 0, centre, variance.mean(axis=1, keepdims=True))
    shrunken = (prior * centre + df * variance) / (prior + df)
    return shrunken, numpy.minimum(prior + df, df * variance.shape[1])


def inverse_trigamma(y: numpy.ndarray) -> numpy.ndarray:
    """x with trigamma(x) = y, by Newton's method for 1 / trigamma (Smyth 2004, appendix)."""
    x = 0.5 + 1 / y
    for _ in range(8):
        trigamma = special.polygamma(1, x)
        x = x + trigamma * (1 - trigamma / y) / special.polygamma(2, x)
    return numpy.asarray(x)


@functools.lru_cache
def largest_t_bounds(rows: int, n: int, studies: int = 20_000) -> numpy.ndarray:
    """The 95 % quantile of the largest |t| for each correlation of ``CORRELATION_GRID``, simulated."""
    rng = numpy.random.default_rng(1)
    common, own = rng.standard_normal((studies, 1, n)), rng.standard_normal((studies, rows, n))
    bounds = []
    for correlation in CORRELATION_GRID:
        value, variance, _ = _moments(numpy.sqrt(correlation) * common + numpy.sqrt(1 - correlation) * own)
        bounds.append(numpy.quantile((numpy.abs(value) / numpy.sqrt(variance / n)).max(axis=1), 1 - ALPHA))
    return numpy.minimum.accumulate(bounds)


def _moments(differences: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray, int]:
    return differences.mean(axis=2), differences.var(axis=2, ddof=1), differences.shape[2]


def _found(value: numpy.ndarray, variance: numpy.ndarray, n: int, df: numpy.ndarray | int) -> numpy.ndarray:
    bound = stats.t.isf(ALPHA / 2 / value.shape[1], df)
    return numpy.asarray(numpy.abs(value) > bound * numpy.sqrt(variance / n))
