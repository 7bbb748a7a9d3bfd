"""Ranks over tasks, against published tables."""

from __future__ import annotations

import numpy
import pandas
import pytest
from scipy.stats import chi2

from experiments.stats.ranks import rank

# Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006), table 6: AUC of C4.5,
# C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets. In the 13th row the ranks printed there tell 0.975 from 0.975.
DEMSAR = """0.763 0.768 0.771 0.798
0.599 0.591 0.590 0.569
0.954 0.971 0.968 0.967
0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898
0.936 0.931 0.916 0.931
0.661 0.668 0.609 0.685
0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875
1.000 1.000 1.000 1.000
0.940 0.962 0.965 0.962
0.619 0.666 0.614 0.669
0.972 0.981 0.97501 0.975
0.957 0.978 0.946 0.970"""
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def test_ranks_and_critical_difference_of_demsars_example() -> None:
    """Average ranks 3.143, 2.000, 2.893, 1.964 and critical difference 1.25, as printed there."""
    rows = [dict(zip(NAMES, map(float, line.split()), strict=True)) for line in DEMSAR.splitlines()]
    ranking = rank({f"data set {i}": row for i, row in enumerate(rows)})
    assert [round(ranking.ranks[name], 3) for name in NAMES] == [3.143, 2.000, 2.893, 1.964]
    assert ranking.critical_difference == pytest.approx(1.25, abs=0.005)
    gap = (ranking.ranks["C4.5"] - ranking.ranks["C4.5+m+cf"]) / ranking.critical_difference
    assert (ranking.pairs.loc["C4.5", "C4.5+m+cf"] < 0.05) == (gap > 1)
    uncorrected = 12 * 14 / (4 * 5) * (sum(rank**2 for rank in ranking.ranks) - 4 * 25 / 4)
    assert uncorrected == pytest.approx(9.28, abs=0.01)  # his χ², without the correction for ties
    assert ranking.p < chi2.sf(uncorrected, len(NAMES) - 1)


# Hollander and Wolfe (1973), p. 140: rounding first base, three methods, 22 players; R's example for friedman.test.
ROUNDING = """5.40 5.50 5.55 5.85 5.70 5.75 5.20 5.60 5.50 5.55 5.50 5.40 5.90 5.85 5.70 5.45 5.55 5.60 5.40 5.40 5.35
5.45 5.50 5.35 5.25 5.15 5.00 5.85 5.80 5.70 5.25 5.20 5.10 5.65 5.55 5.45 5.60 5.35 5.45 5.05 5.00 4.95 5.50 5.50 5.40
5.45 5.55 5.50 5.55 5.55 5.35 5.45 5.50 5.55 5.50 5.45 5.25 5.65 5.60 5.40 5.70 5.65 5.55 6.30 6.30 6.25"""


def test_friedman_of_the_rounding_times() -> None:
    """R: Friedman chi-squared = 11.143, p-value = 0.003805."""
    times = numpy.array(ROUNDING.split(), float).reshape(22, 3)
    ranking = rank(pandas.DataFrame(-times, columns=["out", "narrow", "wide"]).T.to_dict())
    assert ranking.p == pytest.approx(0.003805, rel=1e-4)
    assert ranking.ranks.idxmin() == "wide"


def test_a_name_missing_in_a_task_is_not_ranked() -> None:
    full = {"a": 3.0, "b": 2.0, "c": 1.0}
    assert list(rank({"x": full | {"d": 9.0}, "y": full}).ranks) == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="1 tasks"):
        rank({"x": full})


def test_scores_that_differ_by_rounding_are_ties() -> None:
    """Means of five accuracies of 99.252 on average, added up in another order: MNIST's ReLU and GEM (N = 2)."""
    relu, gem = numpy.mean([99.2, 99.3, 99.25, 99.24, 99.27]), numpy.mean([99.27, 99.3, 99.2, 99.24, 99.25])
    relu = numpy.nextafter(gem, 100) if relu == gem else relu
    assert relu != gem
    ranking = rank(
        {"mnist": {"relu": relu, "gem": gem, "gelu": 99.3}, "digits": {"relu": 1.0, "gem": 3.0, "gelu": 2.0}}
    )
    assert ranking.ranks.to_dict() == {"relu": (2.5 + 3) / 2, "gem": (2.5 + 1) / 2, "gelu": (1 + 2) / 2}


def test_ties_change_friedmans_p() -> None:
    """Three tasks whose first two names tie in one: p of the corrected statistic, from R's friedman.test formula."""
    scores = {
        "a": {"x": 1.0, "y": 1.0 + 1e-14, "z": 2.0},
        "b": {"x": 3.0, "y": 2.0, "z": 1.0},
        "c": {"x": 3.0, "y": 1.0, "z": 2.0},
    }
    ranks = numpy.array([[2.5, 2.5, 1], [1, 2, 3], [1, 3, 2]])
    sums = ranks.sum(axis=0)
    statistic = 12 * ((sums - 6) ** 2).sum() / (3 * 3 * 4 - (2**3 - 2) / (3 - 1))
    assert rank(scores).p == pytest.approx(chi2.sf(statistic, 2))


def test_two_tasks_of_one_data_set_count_once() -> None:
    scores = {
        "cifar, long": {"a": 3.0, "b": 2.0, "c": 1.0},
        "cifar, short": {"a": 2.0, "b": 3.0, "c": 1.0},
        "mnist": {"a": 1.0, "b": 2.0, "c": 3.0},
    }
    ranking = rank(scores, {"cifar, long": "CIFAR-10", "cifar, short": "CIFAR-10"})
    assert ranking.tasks == ["CIFAR-10", "mnist"]
    assert ranking.ranks.to_dict() == {"a": (1.5 + 3) / 2, "b": (1.5 + 2) / 2, "c": (3 + 1) / 2}
    same = rank({"CIFAR-10": {"a": 1.0, "b": 1.0, "c": 0.0}, "mnist": scores["mnist"]})
    assert (ranking.p, ranking.critical_difference) == pytest.approx((same.p, same.critical_difference))
    with pytest.raises(ValueError, match="1 tasks"):
        rank({task: scores[task] for task in list(scores)[:2]}, dict.fromkeys(scores, "CIFAR-10"))
