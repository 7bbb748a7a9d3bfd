"""How simulated runs are drawn: sds, correlation between activations at one seed, and distribution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy

CHUNK = 5_000  # studies drawn at once, to bound the memory


@dataclass(frozen=True)
class Scenario:
    """``reference`` and ``row`` are sds of single runs. The first rows have sd ``row``, all others 1.

    ``wide`` is the share of the first rows, at least one row. ``correlation`` is that between two activations at one
    seed. ``law`` is the distribution of a run: ``normal``, ``heavy`` (Student's t with 3 degrees of freedom),
    ``skewed`` (exponential), or ``rounded``. The last is normal and rounded to half an sd, like accuracies on few test
    images.
    """

    title: str
    reference: float = 1.0
    row: float = 1.0
    wide: float = 0.0
    correlation: float = 0.0
    law: str = "normal"

    def sds(self, rows: int) -> numpy.ndarray:
        sds = numpy.ones(rows)
        sds[: max(1, round(self.wide * rows)) if self.row != 1 else 0] = self.row
        return sds


SPREADS = (
    Scenario("equal spreads"),
    Scenario("reference a tenth", reference=0.1),
    Scenario("one row three times", row=3.0),
    Scenario("reference three times", reference=3.0),
)
CORRELATIONS = (0.0, 0.6)
SCENARIOS = tuple(replace(spread, correlation=c) for spread in SPREADS for c in CORRELATIONS)
STRESS = (
    Scenario("half of the rows three times", row=3.0, wide=0.5),
    Scenario("half of the rows three times, reference a tenth", reference=0.1, row=3.0, wide=0.5),
    Scenario("one row ten times", row=10.0),
    Scenario("reference ten times", reference=10.0),
)
SHAPES = (
    Scenario("heavy tails (t with 3 degrees of freedom)", law="heavy"),
    Scenario("heavy tails, reference a tenth", reference=0.1, law="heavy"),
    Scenario("skewed (exponential)", law="skewed"),
    Scenario("skewed, reference a tenth", reference=0.1, law="skewed"),
    Scenario("rounded to half an sd", law="rounded"),
)


def draw_studies(
    scenario: Scenario, rows: int, seeds: int, studies: int, effects: Sequence[float] = (0.0,)
) -> Iterator[tuple[numpy.ndarray, numpy.ndarray]]:
    """Runs of the rows (study × row × seed) and of the reference (study × 1 × seed), ``CHUNK`` studies at a time.

    The true differences are ``effects``, repeated over the rows. The draws are the same at every call.
    """
    rng = numpy.random.default_rng(0)
    means = numpy.resize(numpy.asarray(effects, dtype=float), rows)[:, None]
    sds = scenario.sds(rows)[:, None]
    draw = LAWS[scenario.law]
    for start in range(0, studies, CHUNK):
        count = min(CHUNK, studies - start)
        own = draw(rng, (count, rows + 1, seeds))
        if scenario.correlation:
            common = draw(rng, (count, 1, seeds))
            own = numpy.sqrt(scenario.correlation) * common + numpy.sqrt(1 - scenario.correlation) * own
        values, reference = own[:, 1:] * sds + means, own[:, :1] * scenario.reference
        if scenario.law == "rounded":
            values, reference = numpy.round(2 * values) / 2, numpy.round(2 * reference) / 2
        yield values, reference


def _heavy(rng: numpy.random.Generator, shape: tuple[int, ...]) -> numpy.ndarray:
    drawn: numpy.ndarray = rng.standard_t(3, shape)
    drawn /= numpy.sqrt(3)
    return drawn


def _skewed(rng: numpy.random.Generator, shape: tuple[int, ...]) -> numpy.ndarray:
    return rng.standard_exponential(shape) - 1


def _normal(rng: numpy.random.Generator, shape: tuple[int, ...]) -> numpy.ndarray:
    return rng.standard_normal(shape)


LAWS: dict[str, Callable[[numpy.random.Generator, tuple[int, ...]], numpy.ndarray]] = {
    "normal": _normal,
    "heavy": _heavy,
    "skewed": _skewed,
    "rounded": _normal,
}
