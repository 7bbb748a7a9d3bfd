"""ErfAct: x·erf(α·exp(βx)) with α = β = 0.75. Biswas et al., arXiv 2109.04386."""

from __future__ import annotations

import torch
from torch import Tensor


def erfact(x: Tensor, alpha: float = 0.75, beta: float = 0.75) -> Tensor:
    # Beyond 10 the gate is 1; without the limit its slope would be 0·∞.
    return x * torch.erf(alpha * torch.exp((beta * x).clamp(max=10)))
