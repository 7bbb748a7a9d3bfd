"""Logish: x·ln(1 + sigmoid(x)). Zhu et al., Neurocomputing 458, 2021."""

from __future__ import annotations

import torch
from torch import Tensor


def logish(x: Tensor) -> Tensor:
    return x * torch.log1p(torch.sigmoid(x))
