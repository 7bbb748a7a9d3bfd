"""Is the difference real, how sure is that, and how many seeds would it take?

``difference``: two groups of seeds · ``comparison``: a whole table against its reference, corrected, in words ·
``variance``: several rows among themselves · ``power``: seeds needed · ``ranks``: several tasks at once ·
``single_seed``: what one seed would have shown · ``spread``: how far single runs lie apart. Tests and distributions
are those of scipy and statsmodels, Holm's correction is ours.
"""

from experiments.stats.comparison import Comparison, Finding, as_family, compare, compare_both
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
from experiments.stats.power import detectable, seeds_for_difference, seeds_for_equivalence
from experiments.stats.ranks import Ranking, rank
from experiments.stats.single_seed import first_places
from experiments.stats.spread import Spread, pooled_sd, spread_of
from experiments.stats.variance import welch_anova

__all__ = [
    "LEVEL",
    "NOTHING",
    "Comparison",
    "Difference",
    "Finding",
    "Ranking",
    "Spread",
    "Summary",
    "as_family",
    "bootstrap",
    "compare",
    "compare_both",
    "detectable",
    "first_places",
    "improvement",
    "paired",
    "pooled_sd",
    "rank",
    "seeds_for_difference",
    "seeds_for_equivalence",
    "spread_of",
    "summarise",
    "welch",
    "welch_anova",
]
