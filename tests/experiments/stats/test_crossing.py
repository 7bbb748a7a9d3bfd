"""Nominal levels of repeated t tests: against published constants, against simulations, and in the limit."""

from __future__ import annotations

import numpy
import pytest
from scipy import stats

from experiments.stats.crossing import NullPath, direction_at_most, exit_probabilities, nominal_levels
from experiments.stats.estimate import Test


def simulated_exits(
    sizes: tuple[int, ...], levels: list[float], test: Test, sides: int, studies: int = 200_000
) -> numpy.ndarray:
    """Share of null studies that stop at each look."""
    rng = numpy.random.default_rng(0)
    arms = rng.standard_normal((1 if test == "paired" else 2, studies, sizes[-1]))
    alive, exits = numpy.ones(studies, bool), []
    for size, level in zip(sizes, levels, strict=True):
        means, variances = arms[:, :, :size].mean(axis=2), arms[:, :, :size].var(axis=2, ddof=1)
        df = size - 1 if test == "paired" else 2 * size - 2
        difference = means[0] if test == "paired" else means[0] - means[1]
        t = difference / numpy.sqrt(variances.mean(axis=0) * len(arms) / size)
        crossed = alive & ((numpy.abs(t) if sides == 2 else -t) > stats.t.isf(level / sides, df))
        exits.append(crossed.mean())
        alive &= ~crossed
    return numpy.array(exits)


@pytest.mark.parametrize("test", ["paired", "welch"])
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("sizes", [(5, 8, 12, 20), (3, 6, 9), (5, 8, 12, 13)])
def test_the_error_spent_is_that_of_simulated_studies(test: Test, sides: int, sizes: tuple[int, ...]) -> None:
    """At most four standard errors of the simulation away at each look."""
    spent = [0.01, 0.008, 0.012, 0.02][: len(sizes)]
    levels = nominal_levels(sizes, spent, test, sides)
    found = simulated_exits(sizes, levels, test, sides)
    assert numpy.abs(found - spent).max() < 4 * numpy.sqrt(0.02 / 200_000)
    assert exit_probabilities(sizes, levels, test, sides) == pytest.approx(spent, rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "within"), [((5, 8, 12, 20), 0.01), ((3, 5, 7, 9, 11), 0.015), ((4, 5, 6), 0.02)])
def test_the_whole_error_is_right_to_a_hundredth_of_itself(sizes: tuple[int, ...], within: float) -> None:
    """Two million studies; the last ones add a single seed, where the distribution has a kink."""
    spent = [0.05 / len(sizes)] * len(sizes)
    levels = nominal_levels(sizes, spent, "paired", 2)
    exits = sum(simulated_exits(sizes, levels, "paired", 2, 2_000_000))
    assert exits == pytest.approx(0.05, rel=within + 2 / numpy.sqrt(0.05 * 2_000_000))


@pytest.mark.parametrize("test", ["paired", "welch"])
def test_one_look_is_the_t_test(test: Test) -> None:
    assert nominal_levels([7], [0.05], test, 2) == pytest.approx([0.05])
    assert exit_probabilities([7], [0.01], test, 1) == pytest.approx([0.01])


@pytest.mark.parametrize(("looks", "level"), [(2, 0.0294), (3, 0.0221), (4, 0.0182), (5, 0.0158)])
def test_many_seeds_give_pococks_constants(looks: int, level: float) -> None:
    """Pocock, Biometrika 64 (1977), table 1: constant nominal levels for 5 % with a known variance."""
    sizes = [1000 * (look + 1) for look in range(looks)]
    assert sum(exit_probabilities(sizes, [level] * looks, "paired", 2)) == pytest.approx(0.05, abs=2e-4)


def test_many_seeds_give_the_bounds_of_lan_and_demets() -> None:
    """Four equal looks, 2.5 % a side: z = 4.333, 2.963, 2.359, 2.014 (Proschan, Lan and Wittes 2006, chapter 5)."""
    fractions = numpy.array([0.25, 0.5, 0.75, 1.0])
    spent = numpy.diff(2 * 2 * stats.norm.sf(stats.norm.isf(0.0125) / numpy.sqrt(fractions)), prepend=0)
    levels = nominal_levels((4000 * fractions).astype(int).tolist(), spent.tolist(), "paired", 2)
    assert stats.norm.isf(numpy.array(levels) / 2) == pytest.approx([4.333, 2.963, 2.359, 2.014], abs=0.03)


def test_an_error_of_0_stops_nothing() -> None:
    levels = nominal_levels([5, 8], [0.0, 0.05], "paired", 2)
    assert levels[0] == 0
    assert levels[1] == pytest.approx(0.05, rel=1e-3)


def test_degrees_of_freedom_are_those_of_the_t_test() -> None:
    for test, df in (("paired", 6), ("welch", 12)):
        path = NullPath(test, 2)  # type: ignore[arg-type]
        path.arrive(7)
        assert path.df == df


@pytest.mark.parametrize("dimensions", [1, 2, 3, 8])
def test_a_coordinate_on_the_sphere(dimensions: int) -> None:
    points = numpy.random.default_rng(0).standard_normal((100_000, dimensions))
    coordinate = points[:, 0] / numpy.sqrt(numpy.square(points).sum(axis=1))
    at = numpy.array([-0.9, -0.3, 0.0, 0.2, 0.99])
    expected = [(coordinate <= v).mean() for v in at]
    assert direction_at_most(at, dimensions) == pytest.approx(expected, abs=0.006)
