"""The best setting of a cell, the growth of its grid, and what a wrong setting costs."""

from __future__ import annotations

import math

import pytest

from experiments.stats import Choice, choose, grow, regret
from experiments.stats.tuning import Scores, next_value, points_of

RATES = {"recipe.lr": [0.001, 0.01, 0.1]}


def scores(*means: float | None, seeds: int = 3) -> Scores:
    """Of the points of ``RATES``; None where the last seed diverged."""
    return {
        (rate,): {s: None if mean is None and s == seeds - 1 else (mean or 0.0) + 0.01 * (s - 1) for s in range(seeds)}
        for rate, mean in zip(RATES["recipe.lr"], means, strict=True)
    }


@pytest.mark.parametrize(("higher", "point", "ends"), [(True, 0.01, {}), (False, 0.1, {"recipe.lr": "high"})])
def test_the_best_mean_wins(higher: bool, point: float, ends: dict[str, str]) -> None:
    found = choose(scores(90.0, 95.0, 85.0), RATES, higher)
    assert (found.point, found.ends) == ((point,), ends)
    assert found.mean == pytest.approx(95.0 if higher else 85.0)


@pytest.mark.parametrize("higher", [True, False])
def test_a_point_with_a_diverged_run_is_the_worst(higher: bool) -> None:
    assert choose(scores(90.0, 95.0, None), RATES, higher).point == ((0.01,) if higher else (0.001,))
    all_diverged = choose(scores(None, None, None), RATES, higher)
    assert math.isnan(all_diverged.mean)
    fewer = scores(None, None, None)
    fewer = {**fewer, (0.001,): {0: None, 1: None, 2: 1.0}}
    assert choose(fewer, RATES, higher).point == (0.01,)


def test_equal_means_go_inside_the_grid_then_to_the_smaller_value() -> None:
    assert choose(scores(95.0, 95.0, 95.0), RATES, True).point == (0.01,)
    wide = {"recipe.lr": [0.001, 0.01, 0.1, 1.0]}
    level = {(rate,): {0: 0.1 + 0.2 if rate == 0.01 else 0.3} for rate in wide["recipe.lr"]}
    assert choose(level, wide, False).point == (0.01,)
    assert choose(level, wide, True).point == (0.01,)


def test_missing_points_and_unequal_budgets_are_refused() -> None:
    with pytest.raises(ValueError, match=r"recipe\.lr=0\.1: no tuning run"):
        choose({point: runs for point, runs in scores(1, 2, 3).items() if point != (0.1,)}, RATES, True)
    with pytest.raises(ValueError, match="different tuning seeds"):
        choose({**scores(1, 2, 3), (0.1,): {0: 1.0}}, RATES, True)


def cell(point: float) -> Choice:
    ends = {0.001: {"recipe.lr": "low"}, 0.1: {"recipe.lr": "high"}}.get(point, {})
    return Choice((point,), 1.0, ends)  # type: ignore[arg-type]


def test_the_grid_grows_for_all_while_one_best_is_at_an_end() -> None:
    found = grow(RATES, {"gelu": cell(0.01), "gem": cell(0.001)})
    assert found.added == {"recipe.lr": [0.0001]}
    assert found.grid == {"recipe.lr": [0.0001, 0.001, 0.01, 0.1]}
    assert not found.done
    both = grow(RATES, {"gelu": cell(0.1), "gem": cell(0.001)})
    assert both.grid == {"recipe.lr": [0.0001, 0.001, 0.01, 0.1, 1.0]}
    assert grow(RATES, {"gelu": cell(0.01)}).done


def test_growth_stops_at_its_limit_and_says_where() -> None:
    grid: dict[str, list[float]] = {"recipe.lr": [1e-5, 1e-4, 0.001, 0.01, 0.1]}
    at_low = {"gem": Choice((1e-5,), 1.0, {"recipe.lr": "low"})}
    found = grow(grid, at_low, most=2, original=RATES)
    assert (found.added, found.stopped, found.done) == ({}, [("recipe.lr", "low")], True)
    assert grow(grid, at_low, most=3, original=RATES).added == {"recipe.lr": [1e-6]}
    assert grow(grid, {"gem": cell(0.1)}, most=2, original=RATES).added == {"recipe.lr": [1.0]}


def test_two_keys() -> None:
    """Weight decay 0 is an end that cannot be passed; both keys can grow at once."""
    grid = {"recipe.lr": [0.1, 0.2, 0.4], "recipe.weight_decay": [0.0, 0.01, 0.02]}
    assert len(points_of(grid)) == 9
    results = {point: {0: -abs(point[0] - 0.4) - abs(point[1] - 0.0)} for point in points_of(grid)}
    found = choose(results, grid, True)
    assert (found.point, found.ends) == ((0.4, 0.0), {"recipe.lr": "high"})
    results = {point: {0: point[0] + point[1]} for point in points_of(grid)}
    corner = choose(results, grid, True)
    assert corner.ends == {"recipe.lr": "high", "recipe.weight_decay": "high"}
    assert grow(grid, {"a": corner}).added == {"recipe.lr": [0.8], "recipe.weight_decay": [0.04]}


def test_a_single_value_is_no_grid() -> None:
    assert choose({(0.1,): {0: 1.0}}, {"recipe.lr": [0.1]}, True).ends == {}


@pytest.mark.parametrize(
    ("values", "end", "value"),
    [
        ([1e-3, 3e-3, 1e-2], "high", 0.0333333),
        ([1e-3, 3e-3, 1e-2], "low", 0.000333333),
        ([0.1, 0.3], "low", 0.0333333),
        ([0.0, 0.01], "high", 0.1),
    ],
)
def test_the_next_value_continues_the_ratio(values: list[float], end: str, value: float) -> None:
    assert next_value(values, end) == value  # type: ignore[arg-type]


def test_regret_is_what_a_fixed_setting_costs() -> None:
    found = scores(90.0, 95.0, 85.0)
    assert regret(found, RATES, True, (0.001,)) == pytest.approx(5.0)
    assert regret(found, RATES, True, (0.01,)) == 0.0
    assert regret(found, RATES, False, (0.001,)) == pytest.approx(5.0)
    assert math.isinf(regret(scores(90.0, 95.0, None), RATES, True, (0.1,)))
