"""Smish: x·tanh(ln(1 + sigmoid(x))). Wang, Ren and Wang, Electronics 11, 2022."""

from __future__ import annotations

import torch
from torch import Tensor


def smish(x: Tensor) -> Tensor:
    return x * torch.tanh(torch.log1p(torch.sigmoid(x)))
