"""TeLU: x·tanh(eˣ). Fernandez and Mali, arXiv 2402.02790."""

from __future__ import annotations

import torch
from torch import Tensor


def telu(x: Tensor) -> Tensor:
    # Beyond 10 the gate is 1; without the limit its slope would be 0·∞.
    return x * torch.tanh(torch.exp(x.clamp(max=10)))
