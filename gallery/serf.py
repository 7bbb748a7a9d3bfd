"""Serf: x·erf(softplus(x)). Nag et al., arXiv 2108.09598."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def serf(x: Tensor) -> Tensor:
    return x * torch.erf(F.softplus(x))
