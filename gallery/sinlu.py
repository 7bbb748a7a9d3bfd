"""SinLU: (x + a·sin(bx))·sigmoid(x) with a = b = 1. Paul et al., Mathematics 10, 2022."""

from __future__ import annotations

import torch
from torch import Tensor


def sinlu(x: Tensor, a: float = 1.0, b: float = 1.0) -> Tensor:
    return (x + a * torch.sin(b * x)) * torch.sigmoid(x)
