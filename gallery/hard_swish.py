"""Hard swish: x·min(max(x + 3, 0), 6)/6. Howard et al., arXiv 1905.02244."""

from __future__ import annotations

from torch import Tensor


def hard_swish(x: Tensor) -> Tensor:
    return x * ((x + 3).clamp(0, 6) / 6)
