"""A table: errors shared over its rows, pairs by seed, and diverged runs."""

from __future__ import annotations

import numpy
import pytest
from scipy import stats

from experiments.stats import judge_rows


def runs(rng: numpy.random.Generator, rows: int, n: int, effect: float = 0.0) -> dict[str, dict[int, float]]:
    seed = rng.normal(size=n)
    groups = {"gelu": dict(enumerate(seed + rng.normal(size=n)))}
    return groups | {f"row {i}": dict(enumerate(seed + rng.normal(size=n) + effect)) for i in range(rows)}


def test_intervals_and_p_are_those_of_bonferroni() -> None:
    groups = runs(numpy.random.default_rng(0), 6, 8, 1.5)
    references = {name: "gelu" for name in groups if name != "gelu"}
    found = judge_rows(groups, references, True)
    for name, verdict in found.items():
        test = stats.ttest_rel(list(groups[name].values()), list(groups["gelu"].values()))
        interval = test.confidence_interval(1 - 0.05 / 6)
        assert (verdict.low, verdict.high) == pytest.approx((interval.low, interval.high))
        assert verdict.p == pytest.approx(min(1, 6 * test.pvalue))


def test_one_row_alone_is_tested_as_scipy_does() -> None:
    groups = runs(numpy.random.default_rng(1), 1, 8, 1.5)
    sides = list(groups["row 0"].values()), list(groups["gelu"].values())
    for test, known in (("paired", stats.ttest_rel(*sides)), ("welch", stats.ttest_ind(*sides, equal_var=False))):
        found = judge_rows(groups, {"row 0": "gelu"}, True, test=test)["row 0"]  # type: ignore[arg-type]
        interval = known.confidence_interval(0.95)
        assert (found.p, found.low, found.high) == pytest.approx((known.pvalue, interval.low, interval.high))


def test_planned_comparisons_count_before_their_runs_are_there() -> None:
    groups = runs(numpy.random.default_rng(2), 2, 6)
    references = dict.fromkeys(("row 0", "row 1"), "gelu")
    few, many = judge_rows(groups, references, True), judge_rows(groups, references, True, comparisons=10)
    assert many["row 0"].p == pytest.approx(min(1.0, 5 * few["row 0"].p))
    assert many["row 0"].high > few["row 0"].high
    with pytest.raises(ValueError, match="comparisons=1: must be at least the 2 rows"):
        judge_rows(groups, references, True, comparisons=1)


def test_identical_data_get_one_verdict_whatever_the_other_rows_show() -> None:
    """Only the number of rows counts, not what is in them."""
    rng = numpy.random.default_rng(3)
    one, other = runs(rng, 2, 6, 2.0), runs(rng, 2, 6, 9.0)
    other |= {"gelu": one["gelu"], "row 0": one["row 0"]}
    references = dict.fromkeys(("row 0", "row 1"), "gelu")
    assert judge_rows(one, references, True)["row 0"] == judge_rows(other, references, True)["row 0"]


def test_diverged_seeds_make_failures_and_no_values() -> None:
    groups = {
        "gelu": {s: float(s % 2) for s in range(7)},
        "gem": {5: 9.0, 6: 8.1},
        "relu": dict.fromkeys(range(7), 1.0),
    }
    found = judge_rows(groups, {"gem": "gelu", "relu": "gelu"}, True, diverged={"gem": range(5)})
    assert found["gem"].kind == "diverged"
    assert found["gem"].failures is not None
    assert (found["gem"].failures.row, found["gem"].failures.row_runs) == (5, 7)
    assert found["gem"].failures.p == pytest.approx(2 * 0.0625)
    assert found["relu"].failures is None


def test_several_references_in_one_table() -> None:
    groups = runs(numpy.random.default_rng(4), 3, 5)
    found = judge_rows(groups, {"row 0": "gelu", "row 1": "row 2"}, False)
    assert set(found) == {"row 0", "row 1"}
    assert found["row 1"].estimate.value == pytest.approx(
        numpy.mean([groups["row 1"][s] - groups["row 2"][s] for s in range(5)])
    )


def test_no_rows_is_no_error() -> None:
    assert judge_rows({"gelu": {0: 1.0}}, {}, True) == {}
