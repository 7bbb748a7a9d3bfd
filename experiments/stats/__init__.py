"""Statistics: whether a difference is real, how certain that is, and how many seeds it takes. See docs/verdicts.md.

The analysis of verdicts:

- ``estimate``: a difference with its standard error.
- ``verdict``: interval, p and word, which agree; ``words``: its sentences; ``rows``: a whole table.
- ``looks``, ``crossing``: the error spent over looks. ``stopping``: the state of each row. ``course``: the expected
  course of a study with looks.
- ``sensitivity``: the power of the test in use.
- ``failures``: diverged runs. ``budget``: one error over a page of claims.
- ``tuning``: the best setting of each cell. ``crossfit``: the best setting from the same runs.
- ``simulation``: the error rates of all these rules.

``seeds`` and ``spread`` say how many seeds a study needs. ``holm`` corrects if a preset planned Welch's test.
Further modules: ``second_opinions`` (other intervals of a difference) · ``variance`` (rows among themselves) ·
``ranks`` (several tasks; imported from its module, as it needs pandas) · ``single_seed`` (what one seed would show).
Tests and distributions are those of scipy and statsmodels.
"""

from experiments.stats.budget import share_budget
from experiments.stats.course import Course, RowCourse, expected_course
from experiments.stats.crossfit import CrossFit, cross_fit, cross_fit_difference
from experiments.stats.difference import (
    LEVEL,
    NOTHING,
    Difference,
    Summary,
    bootstrap,
    improvement,
    paired,
    summarise,
    welch,
)
from experiments.stats.estimate import Estimate, estimate_difference
from experiments.stats.failures import Failures, compare_failures
from experiments.stats.looks import Looks
from experiments.stats.rows import judge_rows
from experiments.stats.second_opinions import SecondOpinions, second_opinions
from experiments.stats.seeds import detectable_with, seeds_needed, spread_for
from experiments.stats.sensitivity import (
    least_detectable,
    pairs_for_difference,
    pairs_for_equivalence,
    power_of_difference,
    power_of_equivalence,
    runs_for_difference,
    runs_for_equivalence,
)
from experiments.stats.single_seed import first_places
from experiments.stats.spread import Spread, pooled_sd, spread_of
from experiments.stats.stopping import RowState, follow_rows, may_stop
from experiments.stats.tuning import Choice, Growth, choose, grow, regret
from experiments.stats.variance import welch_anova
from experiments.stats.verdict import Threshold, Verdict, bonferroni, judge
from experiments.stats.words import verdict_words

__all__ = [
    "LEVEL",
    "NOTHING",
    "Choice",
    "Course",
    "CrossFit",
    "Difference",
    "Estimate",
    "Failures",
    "Growth",
    "Looks",
    "RowCourse",
    "RowState",
    "SecondOpinions",
    "Spread",
    "Summary",
    "Threshold",
    "Verdict",
    "bonferroni",
    "bootstrap",
    "choose",
    "compare_failures",
    "cross_fit",
    "cross_fit_difference",
    "detectable_with",
    "estimate_difference",
    "expected_course",
    "first_places",
    "follow_rows",
    "grow",
    "improvement",
    "judge",
    "judge_rows",
    "least_detectable",
    "may_stop",
    "paired",
    "pairs_for_difference",
    "pairs_for_equivalence",
    "pooled_sd",
    "power_of_difference",
    "power_of_equivalence",
    "regret",
    "runs_for_difference",
    "runs_for_equivalence",
    "second_opinions",
    "seeds_needed",
    "share_budget",
    "spread_for",
    "spread_of",
    "summarise",
    "verdict_words",
    "welch",
    "welch_anova",
]
