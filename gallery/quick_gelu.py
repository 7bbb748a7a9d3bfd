"""GELU's sigmoid approximation: x·sigmoid(1.702x). Hendrycks and Gimpel, arXiv 1606.08415."""

from __future__ import annotations

import torch
from torch import Tensor


def quick_gelu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)
