"""LiSHT: x·tanh(x). Roy et al., arXiv 1901.05894."""

from __future__ import annotations

import torch
from torch import Tensor


def lisht(x: Tensor) -> Tensor:
    return x * torch.tanh(x)
