"""Whether two activations are the same function: GEM is E-GEM with ε = 1."""

from __future__ import annotations

import functools
import json

POINTS = 4097
RANGE = 8.0


@functools.lru_cache(maxsize=1024)
def same_function(one: str, other: str) -> bool:
    """Whether values on [−8, 8] are equal up to rounding, in float64. True for a custom activation without its code."""
    settings = [json.loads(one), json.loads(other)]
    if any("target" in each for each in settings):
        return True
    import torch

    from experiments.activations.build import activation_factory

    x = torch.linspace(-RANGE, RANGE, POINTS, dtype=torch.float64)
    with torch.no_grad():
        a, b = (activation_factory(each)().double()(x) for each in settings)
    return bool(torch.allclose(a, b, rtol=1e-6, atol=1e-9))
