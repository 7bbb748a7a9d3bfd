"""Faulty activations that a certificate must detect, each in a few lines."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor, nn


class Renamed(nn.Module):
    """GELU under another name, from its formula."""

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ones_like(x) + 0 * x


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def,override]
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:  # type: ignore[no-untyped-def,override]
        (x,) = ctx.saved_tensors
        return grad * x  # half of what it should be


class WrongBackward(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Square.apply(x)  # type: ignore[no-any-return]


class KinkAtOne(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x - 1) + 0.1 * x


class Widening(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x.double())


class Overwriting(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x.clamp_(min=0)
        return x * 1.0


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sign(torch.randn_like(x))


class RandomSlope(nn.Module):
    """A leaky ReLU that draws its slope, in training mode alone."""

    def forward(self, x: Tensor) -> Tensor:
        slope = torch.rand_like(x) if self.training else 0.5
        return torch.where(x > 0, x, slope * x)


class Looping(nn.Module):
    """tanh with half a millisecond of Python around it."""

    def forward(self, x: Tensor) -> Tensor:
        end = time.perf_counter() + 0.0005
        while time.perf_counter() < end:
            pass
        return torch.tanh(x)


class Coarse(nn.Module):
    """tanh with digits lost to a large constant."""

    def forward(self, x: Tensor) -> Tensor:
        return (torch.tanh(x) + 32) - 32


class HidesNan(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.nan_to_num(torch.tanh(x))


class Overflowing(nn.Module):
    """log(1 + eˣ) as it should not be written."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(1 + torch.exp(x))


class OverBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean()
