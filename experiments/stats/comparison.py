"""Every row of a table against its reference: intervals, tests corrected over the table, and the verdict in words."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from experiments.stats.difference import (
    LEVEL,
    Difference,
    alike,
    bootstrap,
    improvement,
    mean_difference,
    paired,
    welch,
)

Values = Mapping[int, float]  # by seed
Finding = Literal["better", "worse", "equal", "open", "untested"]  # untested: too few seeds, or no spread


@dataclass(frozen=True)
class Comparison:
    """One row against its reference. ``main`` is the difference the verdict rests on: Welch's, or paired by seed."""

    welch: Difference
    paired: Difference
    bca: tuple[float, float]
    improvement: float
    main: Difference
    p: float  # of main, Holm-corrected over the table
    p_equal: float  # TOST with the margin, Holm-corrected over the table; nan without a margin

    @property
    def different(self) -> bool:
        return self.p < 1 - LEVEL

    @property
    def equal(self) -> bool:
        return self.p_equal < 1 - LEVEL

    def finding(self, higher_is_better: bool) -> Finding:
        """The verdict as one word; of two that are told apart and yet equal within the margin, that they differ."""
        if self.different:
            return "better" if (self.main.value > 0) == higher_is_better else "worse"
        if self.equal:
            return "equal"
        return "untested" if math.isnan(self.p) else "open"

    def agrees(self, other: Comparison) -> bool:
        """Whether both, of the same rows in two ways, find a difference and equality, or not, alike."""
        return (self.different, self.equal) == (other.different, other.equal)

    def turned(self) -> Comparison:
        """The reference beside the row."""
        sides = self.welch.turned(), self.paired.turned()
        bca = (-self.bca[1], -self.bca[0])
        return Comparison(*sides, bca, 1 - self.improvement, self.main.turned(), self.p, self.p_equal)

    def words(self, higher_is_better: bool, unit: str, digits: int, margin: float | None) -> str:
        """What the data support at the 5 % level after correction, and no more."""
        within = "" if margin is None else f"equal within ±{margin:g} {unit}".rstrip()
        finding = self.finding(higher_is_better)
        if not self.different:
            untested = "no test: too few seeds, or no spread"
            return {"equal": within, "untested": untested, "open": "no difference detectable"}[finding]
        near, far = sorted((abs(self.main.low), abs(self.main.high)))
        by = f"{finding} by {near:.{digits}f} to {far:.{digits}f} {unit}".rstrip()
        return f"{by}, yet {within}" if self.equal else by


def compare(
    groups: Mapping[str, Values],
    references: Mapping[str, str],
    higher_is_better: bool,
    margin: float | None = None,
    by_seed: bool = False,
) -> dict[str, Comparison]:
    """Compare ``groups[name]`` with ``groups[references[name]]`` for every name in ``references``.

    ``by_seed`` rests the verdicts on the paired difference. All rows are one family for Holm's correction; the
    equivalence tests (two one-sided tests at ``±margin``, Schuirmann 1987) are a family of their own.
    """
    return compare_both(groups, references, higher_is_better, margin, by_seed)[0]


def compare_both(
    groups: Mapping[str, Values],
    references: Mapping[str, str],
    higher_is_better: bool,
    margin: float | None = None,
    by_seed: bool = False,
) -> tuple[dict[str, Comparison], dict[str, Comparison]]:
    """``compare``, and the same with the other of the two tests; what they share is computed once."""
    parts = {}
    for name, other in references.items():
        values, reference = groups[name], groups[other]
        both = sorted(values.keys() & reference.keys())
        ours, theirs = list(values.values()), list(reference.values())
        pairs = [values[seed] for seed in both], [reference[seed] for seed in both]
        parts[name] = (
            (welch(ours, theirs), paired(*pairs)),
            bootstrap(mean_difference, ours, theirs),
            improvement(ours, theirs, higher_is_better),
            tuple(
                math.nan if margin is None else equivalence(*sides, margin, bool(by_seed))
                for by_seed, sides in enumerate(((ours, theirs), pairs))
            ),
        )

    def corrected(by_seed: int) -> dict[str, Comparison]:
        alone = [
            Comparison(*both, bca, chance, both[by_seed], both[by_seed].p, equal[by_seed])
            for both, bca, chance, equal in parts.values()
        ]
        return dict(zip(parts, as_family(alone), strict=True))

    return corrected(int(by_seed)), corrected(int(not by_seed))


def as_family(alone: Sequence[Comparison]) -> list[Comparison]:
    """Comparisons that were made one by one, corrected together."""
    p_values, p_equal = holm([each.p for each in alone]), holm([each.p_equal for each in alone])
    return [replace(each, p=p, p_equal=q) for each, p, q in zip(alone, p_values, p_equal, strict=True)]


def equivalence(values: Sequence[float], reference: Sequence[float], margin: float, by_seed: bool = False) -> float:
    """p of the two one-sided t tests (Welch's, or paired) that the means differ by less than ``margin``."""
    if min(len(values), len(reference)) < 2:
        return math.nan
    a, b = numpy.asarray(values), numpy.asarray(reference)
    if alike(a - b if by_seed else a) and (by_seed or alike(b)):
        return math.nan
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        test = ttost_paired(a, b, -margin, margin) if by_seed else ttost_ind(a, b, -margin, margin, usevar="unequal")
    return float(test[0])


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-adjusted p values (1979): the k-th smallest of m times m + 1 - k, none below those of smaller p, at most 1.

    nan stays nan and counts for nothing.
    """
    p = numpy.asarray(p_values, dtype=float)
    ascending = numpy.argsort(p)[: numpy.count_nonzero(~numpy.isnan(p))]  # nan sorts last
    steps = p[ascending] * numpy.arange(len(ascending), 0, -1)
    adjusted = numpy.full(len(p), math.nan)
    adjusted[ascending] = numpy.maximum.accumulate(steps).clip(max=1.0)
    return [float(each) for each in adjusted]
