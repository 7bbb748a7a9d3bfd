"""Pserf: x·erf(γ·softplus(δx)) with γ = 1.25, δ = 0.85. Biswas et al., arXiv 2109.04386."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def pserf(x: Tensor, gamma: float = 1.25, delta: float = 0.85) -> Tensor:
    return x * torch.erf(gamma * F.softplus(delta * x))
