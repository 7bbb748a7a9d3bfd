"""StarReLU: s·max(x, 0)² + b with s = 0.8944, b = −0.4472. Yu et al., arXiv 2210.13452."""

from __future__ import annotations

import torch
from torch import Tensor


def star_relu(x: Tensor, scale: float = 0.8944, bias: float = -0.4472) -> Tensor:
    return scale * torch.relu(x).square() + bias
