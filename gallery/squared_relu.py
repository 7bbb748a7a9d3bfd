"""Squared ReLU: max(x, 0)². So et al. (Primer), arXiv 2109.08668."""

from __future__ import annotations

import torch
from torch import Tensor


def squared_relu(x: Tensor) -> Tensor:
    return torch.relu(x).square()
