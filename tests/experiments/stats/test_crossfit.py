"""Settings chosen on one half of the seeds and evaluated on the other: by hand, by simulation, and the MLP study."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy
import pytest

from experiments.records.file import read_lines
from experiments.stats import cross_fit, cross_fit_difference
from experiments.stats.crossfit import Settings, half_splits
from experiments.stats.simulation.cross_fitting import CASES, cross_fitted, draw_pair

ROOT = Path(__file__).parents[3]
RECORDS = ROOT / "results" / "records" / "golu_mlp.jsonl.gz"
EVEN_AND_ODD = ((0, 2, 4, 6, 8), (1, 3, 5, 7, 9))


def settings(*rows: list[float]) -> Settings:
    return {f"{i}": dict(enumerate(row)) for i, row in enumerate(rows)}


def test_by_hand() -> None:
    """Two settings, two seeds: seed 0 chooses setting 1, worth 1 at seed 1; seed 1 chooses 0, worth 4 at seed 0."""
    found = cross_fit([settings([4.0, 3.0], [5.0, 1.0])], True)
    assert found.value == pytest.approx((1.0 + 4.0) / 2)
    assert found.chosen == [{"0": 0.5, "1": 0.5}]
    assert cross_fit([settings([4.0, 3.0], [5.0, 1.0])], False).value == pytest.approx((3.0 + 5.0) / 2)


def test_no_optimism() -> None:
    """Twenty settings that are equal: the best mean of ten seeds is far above 0, the cross-fitted value is not."""
    rng = numpy.random.default_rng(0)
    best, fitted = [], []
    for _ in range(60):
        draws = rng.normal(size=(20, 10))
        best.append(draws.mean(axis=1).max())
        fitted.append(cross_fit([settings(*draws.tolist())], True).value)
    assert numpy.mean(best) > 0.5
    assert abs(numpy.mean(fitted)) < 0.12


def test_every_half_each_way_round_or_a_fixed_draw() -> None:
    halves = half_splits(range(6))
    assert len(halves) == 20
    assert {tuple(s for s in range(6) if s not in half) for half in halves} == set(halves)
    many = half_splits(range(20))
    assert len(many) == 1000
    assert many == half_splits(range(20))
    assert {len(set(half)) for half in many} == {10}


def test_equal_means_go_to_the_first_setting_whatever_the_rounding() -> None:
    one, other = [0.1 + 0.2, 0.3, 0.0, 0.0], [0.3, 0.1 + 0.2, 9.0, 9.0]
    assert cross_fit([settings(one, other)], True, [(0, 1)]).chosen == [{"0": 1.0, "1": 0.0}]
    assert cross_fit([settings(one, other)], False, [(0, 1)]).chosen == [{"0": 1.0, "1": 0.0}]


def test_difference_is_that_of_the_values_and_the_fast_simulation() -> None:
    row, reference = draw_pair(CASES[0], 6, 1, numpy.random.default_rng(3))
    sides = [[settings(*side[0].tolist())] for side in (row, reference)]
    found = cross_fit_difference(sides[0], sides[1], True)
    assert found.value == pytest.approx(cross_fit(sides[0], True).value - cross_fit(sides[1], True).value)
    assert found.value == pytest.approx(float((cross_fitted(row) - cross_fitted(reference)).mean()))
    without = [
        float((cross_fitted(numpy.delete(row, s, 2)) - cross_fitted(numpy.delete(reference, s, 2))).mean())
        for s in range(6)
    ]
    assert found.standard_error == pytest.approx(float(numpy.std(without) * numpy.sqrt(5)))
    assert (found.df, found.n) == (5, 6)


def test_a_clear_choice_leaves_the_paired_t() -> None:
    """Where the same setting is always chosen, the jackknife is the usual standard error."""
    draws = numpy.random.default_rng(4).normal(size=(2, 8))
    row, reference = (settings(values.tolist(), (values - 50).tolist()) for values in draws)
    found = cross_fit_difference([row], [reference], True)
    difference = draws[0] - draws[1]
    assert found.value == pytest.approx(difference.mean())
    assert found.standard_error == pytest.approx(difference.std(ddof=1) / numpy.sqrt(8))


def test_missing_runs_and_few_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="seed 1: missing in a setting"):
        cross_fit([{"a": {0: 1.0, 1: 1.0}, "b": {0: 1.0}}], True)
    with pytest.raises(ValueError, match="5 seeds: cross-fitting needs 6"):
        cross_fit_difference([settings([1.0] * 5)], [settings([2.0] * 5)], True)


def mlp_runs() -> dict[str, list[Settings]]:
    """Test accuracies of the learning-rate grid of ``golu_mlp``: activation → depth → rate (ascending) → seed."""
    runs: dict[str, dict[int, dict[float, dict[int, float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(dict))
    )
    for line in read_lines(RECORDS).splitlines():
        record = json.loads(line)
        recipe, activation = record["config"]["recipe"], record["config"]["activation"]
        if (recipe["epochs"], recipe["batch_size"]) == (8, 128):
            name = activation["name"] + (f" N={activation['N']}" if "N" in activation else "")
            runs[name][record["config"]["model"]["blocks"]][recipe["lr"]][record["seed"]] = record["result"][
                "test_accuracy"
            ]
    return {
        name: [{f"{rate:g}": depths[depth][rate] for rate in sorted(depths[depth])} for depth in sorted(depths)]
        for name, depths in runs.items()
    }


def test_the_mlp_study_with_a_rate_for_each_activation_and_depth() -> None:
    """Chosen on even seeds, evaluated on odd ones, and back; then the difference to GELU over all splits."""
    runs = mlp_runs()
    assert {len(depths) for depths in runs.values()} == {4}
    even_and_odd = {name: round(cross_fit(depths, True, EVEN_AND_ODD).value, 2) for name, depths in runs.items()}
    assert [even_and_odd[name] for name in ("gem N=2", "gem N=1", "golu", "gelu", "relu")] == [
        98.88,
        98.85,
        98.84,
        98.81,
        98.78,
    ]
    differences = {
        name: cross_fit_difference(depths, runs["gelu"], True) for name, depths in runs.items() if name != "gelu"
    }
    assert {name: round(d.value, 2) for name, d in differences.items()} == {
        "relu": -0.05,
        "golu": 0.01,
        "gem N=1": 0.04,
        "gem N=2": 0.06,
        "egem N=1": -0.04,
        "segem N=1": -0.02,
    }
    assert min(d.p for d in differences.values()) > 0.2
