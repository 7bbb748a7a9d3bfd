"""Several activations on several tasks: average ranks, Friedman's test, and Nemenyi's critical difference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas
import scikit_posthocs
from scipy import stats

from experiments.stats.difference import LEVEL


@dataclass(frozen=True)
class Ranking:
    """``ranks`` has the average rank of each name over the tasks, 1 the best; ``pairs`` Nemenyi's p for each two.

    Two average ranks that differ by less than ``critical_difference`` are not told apart at the 5 % level.
    ``p`` is Friedman's, corrected for ties.
    """

    ranks: pandas.Series
    pairs: pandas.DataFrame
    tasks: list[str]
    critical_difference: float
    p: float


def rank(scores: Mapping[str, Mapping[str, float]]) -> Ranking:
    """Rank the names of ``scores[task][name]``, where more is better; a name must be in every task.

    Raises ValueError for fewer than two tasks or three names, which Friedman's test needs. Source: Demšar,
    Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006).
    """
    table = pandas.DataFrame(scores).T.dropna(axis="columns")
    tasks, names = table.shape
    if tasks < 2 or names < 3:
        raise ValueError(f"{tasks} tasks × {names} names: Friedman's test needs at least 2 × 3")
    studentised = stats.studentized_range.ppf(LEVEL, names, math.inf)
    return Ranking(
        ranks=table.rank(axis="columns", ascending=False).mean(),
        pairs=scikit_posthocs.posthoc_nemenyi_friedman(table),
        tasks=list(table.index),
        critical_difference=float(studentised / math.sqrt(2) * math.sqrt(names * (names + 1) / (6 * tasks))),
        p=float(stats.friedmanchisquare(*(table[name] for name in table)).pvalue),
    )
