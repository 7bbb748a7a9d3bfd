"""What a study with one seed would have reported: how often each name comes first when one run is drawn of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy


def first_places(groups: Mapping[str, Sequence[float]], higher_is_better: bool) -> dict[str, float]:
    """P(first) of each name, its value drawn from its own group independently of the others; they sum to 1.

    Exact over all ∏ n draws. A first place that k names tie for is shared, 1/k each:
    P(i) = mean over v in i of Σ_t P(t others equal v, the rest behind) / (1 + t).
    """
    sign = 1 if higher_is_better else -1
    values = {name: sign * numpy.asarray(group, dtype=float) for name, group in groups.items()}
    return {
        name: float(numpy.mean([share(v, [other for key, other in values.items() if key != name]) for v in own]))
        for name, own in values.items()
    }


def share(value: float, others: Sequence[numpy.ndarray]) -> float:
    """The share in the first place of a run that reached ``value``, against one draw of each of the others."""
    ties = numpy.ones(1)  # probability of so many ties, all others being behind
    for other in others:
        ties = numpy.convolve(ties, [numpy.mean(other < value), numpy.mean(other == value)])
    return float(numpy.sum(ties / (1 + numpy.arange(len(ties)))))
