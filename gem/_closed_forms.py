"""The two families of gates: value, first and second derivative in plain operations.

The methods take float32 or float64 tensors (see :func:`gem.reference.widen`). They are differentiable to any order and
in any mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gem import reference
from gem.reference import ceiling, clip, even_power


@dataclass(frozen=True)
class Gated:
    """The GEM family: f(x) = leaky_relu(x, slope)·v / (c + v) with v = (s·x)^(2N).

    For x > 0 let r = v / (c + v) and q = 1 - r: f' = r·(1 + 2N·q) and f'' = 2N·r·q·(1 - 2N + 4N·q) / x.
    For x < 0 the slope multiplies both. ``c`` and ``s`` may be tensors if the scale is learned.
    """

    N: int
    c: Any
    s: Any
    slope: float

    @property
    def alpha(self) -> float:
        """The scale α: the gate is 1/2 at x = α."""
        return float(self.c ** (1 / (2 * self.N)) / self.s)

    @property
    def middle(self) -> tuple[float, float]:
        """The |x| at which the gate is about 2^-60 and 1 - 2^-60. Outside, its derivative by α is negligible."""
        return self.alpha / 2.0 ** (30 / self.N), self.alpha * 2.0 ** (30 / self.N)

    def value(self, x: Tensor) -> Tensor:
        return reference.gated_leaky(x, self.N, self.c, self.s, self.slope or None)

    def derivative(self, x: Tensor) -> Tensor:
        _, v = self._powers(x)
        r, q = v / (self.c + v), self.c / (self.c + v)
        return self._leak(x, r * (1 + 2 * self.N * q))

    def second_derivative(self, x: Tensor) -> Tensor:
        N = self.N
        t, v = self._powers(x)
        q = self.c / (self.c + v)
        r_over_x = self.s * ((t if N == 1 else even_power(t, N - 1) * t) / (self.c + v))
        bend = 2 * N * r_over_x * q * (1 - 2 * N + 4 * N * q)
        top = ceiling(N, x.dtype)
        return self._leak(x, torch.where(t.abs() < top, bend, 0 * t))  # above the ceiling v is constant, t^(2N-1) grows

    def log_scale_derivative(self, x: Tensor) -> Tensor:
        """f(x) - x·f'(x) = -2N·q·f(x): the derivative by log α. It tends to 0 at infinity."""
        t, v = self._powers(x)
        near = torch.where(t.abs() < ceiling(self.N, x.dtype), x, 0 * t)
        q: Tensor = self.c / (self.c + v)
        return -2 * self.N * q * self.value(near)

    def _powers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        top = ceiling(self.N, x.dtype)
        t = clip(x * self.s, 0.0 if self.slope == 0 else -top, top)
        return t, even_power(t, self.N)

    def _leak(self, x: Tensor, positive_side: Tensor) -> Tensor:
        return positive_side if self.slope == 0 else torch.where(x < 0, self.slope * positive_side, positive_side)


@dataclass(frozen=True)
class Gompertz:
    """GoLU: alpha·x·G with G = exp(-z), z = beta·exp(-gamma·x).

    f' = alpha·G·(1 + gamma·x·z), f'' = alpha·gamma·G·z·(2 - gamma·x·(1 - z)).
    """

    alpha: float
    beta: float
    gamma: float

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The inputs below and above which the gate is exactly 0 and exactly ``alpha``."""
        return reference.golu_limits(self.alpha, self.beta, self.gamma)

    def value(self, x: Tensor) -> Tensor:
        return reference.gompertz_gated(x, self.alpha, self.beta, self.gamma, *self.limits)

    def derivative(self, x: Tensor) -> Tensor:
        y, z = self._inside(x)
        return self.alpha * torch.exp(-z) * (1 + y * z)

    def second_derivative(self, x: Tensor) -> Tensor:
        y, z = self._inside(x)
        return self.alpha * self.gamma * torch.exp(-z) * z * (2 - y * (1 - z))

    def _inside(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.gamma * clip(x, *self.limits)
        return y, self.beta * torch.exp(-y)


Family = Gated | Gompertz
