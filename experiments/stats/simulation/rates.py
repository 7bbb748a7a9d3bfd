"""Error rates, coverage, power and seeds of one design in one scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from experiments.stats.course import DIFFERENT, settle, statistics_at
from experiments.stats.looks import Looks
from experiments.stats.simulation.scenarios import Scenario, draw_studies


@dataclass(frozen=True)
class Rates:
    """Shares between 0 and 1, over studies or over rows.

    ``family_error``: studies that call a row better or worse although it has no true difference. ``coverage``: studies
    in which the intervals of all rows hold. ``false_coverage``: mean share of intervals that do not hold among the
    rows called better or worse, 0 if there is none (Benjamini and Yekutieli 2005). ``coverage_if_found``: share of
    intervals that hold among all rows called better or worse; nan without any. ``equivalence_error``: studies that
    call a row equivalent although it is at or beyond the margin. ``power`` and ``equivalent``: rows with and without a
    true difference that got the correct verdict. ``seeds``: mean number at which a row stopped.
    """

    family_error: float
    coverage: float
    false_coverage: float
    coverage_if_found: float
    equivalence_error: float
    power: float
    equivalent: float
    seeds: float


def simulate(
    looks: Looks,
    rows: int,
    scenario: Scenario,
    studies: int,
    effects: Sequence[float] = (0.0,),
    margin: float | None = None,
) -> Rates:
    """Simulate one design: ``rows`` compared at ``looks`` (a fixed number of seeds is a single look)."""
    truth = numpy.resize(numpy.asarray(effects, dtype=float), rows)
    null = truth == 0
    totals = dict.fromkeys(("family", "covered", "false", "found", "held", "equal", "power", "zero", "seeds"), 0.0)
    for values, reference in draw_studies(scenario, rows, looks.sizes[-1], studies, effects):
        statistics = (
            statistics_at(looks.sizes, values - reference)
            if looks.test == "paired"
            else statistics_at(looks.sizes, values, reference)
        )
        settled = settle(statistics, looks, rows, margin)
        found, equal = settled.kind == DIFFERENT, settled.within
        holds = (settled.low <= truth) & (truth <= settled.high)
        totals["family"] += numpy.sum((found & null).any(axis=1))
        totals["covered"] += numpy.sum(holds.all(axis=1))
        totals["false"] += numpy.sum((found & ~holds).sum(axis=1) / numpy.maximum(found.sum(axis=1), 1))
        totals["found"] += numpy.sum(found)
        totals["held"] += numpy.sum(found & holds)
        totals["power"] += numpy.sum(found & ~null)
        totals["zero"] += numpy.sum(equal & null)
        totals["seeds"] += numpy.sum(numpy.array(looks.sizes)[settled.look])
        if margin is not None:
            totals["equal"] += numpy.sum((equal & (numpy.abs(truth) >= margin)).any(axis=1))
    return Rates(
        family_error=totals["family"] / studies,
        coverage=totals["covered"] / studies,
        false_coverage=totals["false"] / studies,
        coverage_if_found=totals["held"] / totals["found"] if totals["found"] else float("nan"),
        equivalence_error=totals["equal"] / studies,
        power=totals["power"] / studies / max(1, numpy.sum(~null)),
        equivalent=totals["zero"] / studies / max(1, numpy.sum(null)),
        seeds=totals["seeds"] / studies / rows,
    )
