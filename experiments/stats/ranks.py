"""Several activations on several tasks: average ranks, Friedman's test, and Nemenyi's critical difference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas
import scikit_posthocs
from scipy import stats

from experiments.stats.difference import LEVEL

DIGITS = 10  # significant; means of equal runs, summed in another order, differ only beyond them


@dataclass(frozen=True)
class Ranking:
    """``ranks``: the average rank of each name over the tasks, 1 is best. ``pairs``: Nemenyi's p of each pair.

    Two average ranks that differ by less than ``critical_difference`` do not differ significantly at the 5 % level.
    ``p`` is Friedman's, corrected for ties.
    """

    ranks: pandas.Series
    pairs: pandas.DataFrame
    tasks: list[str]
    critical_difference: float
    p: float


def rank(scores: Mapping[str, Mapping[str, float]], data_sets: Mapping[str, str] | None = None) -> Ranking:
    """Rank the names of ``scores[task][name]``, where higher is better. A name must be in every task.

    Scores that agree to ten significant digits are ties. Friedman's test assumes independent tasks, so tasks with the
    same entry in ``data_sets`` count as one. There a name's rank is that of its mean rank over these tasks. Raises
    ValueError for fewer than two tasks or three names. Source: Demšar, Statistical comparisons of classifiers over
    multiple data sets, JMLR 7 (2006).
    """
    table = pandas.DataFrame(scores).T.dropna(axis="columns").map(without_rounding)
    if data_sets:
        ranked = table.rank(axis="columns", ascending=False)
        table = -ranked.groupby([data_sets.get(task, task) for task in table.index], sort=False).mean()
    tasks, names = table.shape
    if tasks < 2 or names < 3:
        raise ValueError(f"{tasks} tasks × {names} names: Friedman's test needs at least 2 × 3")
    studentised = stats.studentized_range.ppf(LEVEL, names, math.inf)
    return Ranking(
        ranks=table.rank(axis="columns", ascending=False).mean(),
        pairs=scikit_posthocs.posthoc_nemenyi_friedman(table),
        tasks=list(table.index),
        critical_difference=float(studentised / math.sqrt(2) * math.sqrt(names * (names + 1) / (6 * tasks))),
        p=friedman(table),
    )


def friedman(table: pandas.DataFrame) -> float:
    """p of Friedman's test, corrected for ties; 1 if all names tie in every task."""
    if (table.nunique(axis="columns") == 1).all():
        return 1.0
    return float(stats.friedmanchisquare(*(table[name] for name in table)).pvalue)


def without_rounding(score: float) -> float:
    return float(f"{score:.{DIGITS}g}")
