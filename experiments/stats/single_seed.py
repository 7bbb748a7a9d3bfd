"""How often each activation would rank first if only one seed had been run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy


def first_places(groups: Mapping[str, Sequence[float]], higher_is_better: bool) -> dict[str, float]:
    """P(first) of each name, with one value drawn from each group independently. The probabilities sum to 1.

    Exact over all ∏ n draws. If k names tie for the first place, each gets 1/k:
    P(i) = mean over v in i of Σ_t P(t others equal v, the rest behind) / (1 + t).
    """
    sign = 1 if higher_is_better else -1
    values = {name: sign * numpy.asarray(group, dtype=float) for name, group in groups.items()}
    return {
        name: float(numpy.mean([share(v, [other for key, other in values.items() if key != name]) for v in own]))
        for name, own in values.items()
    }


def share(value: float, others: Sequence[numpy.ndarray]) -> float:
    """The expected share of the first place for a run with ``value``, against one draw of each of the others."""
    ties = numpy.ones(1)  # probability of each number of ties when all others are behind
    for other in others:
        ties = numpy.convolve(ties, [numpy.mean(other < value), numpy.mean(other == value)])
    return float(numpy.sum(ties / (1 + numpy.arange(len(ties)))))
