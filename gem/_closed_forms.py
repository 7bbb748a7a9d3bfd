"""The two gates as values, each with its function's value, first and second derivative in plain operations.

These take float32 or float64 tensors (see :func:`gem.reference.widen`) and are differentiable themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gem import reference as F  # noqa: N812

FAR = 2.0**50  # in units of the scale; from here on the gate is 1 to more than double precision


@dataclass(frozen=True)
class Gated:
    """The GEM family: leaky_relu(x, slope)·v / (c + v), v = (s·x)^(2N). For x > 0 write r = v / (c + v), q = 1 - r.

    f' = r·(1 + 2N·q), f'' = 2N·r·q·(1 - 2N + 4N·q) / x; for x < 0 the slope multiplies both.
    """

    N: int
    c: float
    s: float
    slope: float

    @property
    def alpha(self) -> float:
        """The scale α: the gate is 1/2 at x = α."""
        return float(self.c ** (1 / (2 * self.N)) / self.s)

    def value(self, x: Tensor) -> Tensor:
        return F.gated_leaky(x, self.N, self.c, self.s, self.slope)

    def derivative(self, x: Tensor) -> Tensor:
        _, v = self._powers(x)
        r, q = v / (self.c + v), self.c / (self.c + v)
        return self._leak(x, r * (1 + 2 * self.N * q))

    def second_derivative(self, x: Tensor) -> Tensor:
        N = self.N
        t, v = self._powers(x)
        q = self.c / (self.c + v)
        r_over_x = self.s * ((t if N == 1 else F.even_power(t, N - 1) * t) / (self.c + v))
        return self._leak(x, 2 * N * r_over_x * q * (1 - 2 * N + 4 * N * q))

    def scale_derivative(self, x: Tensor) -> Tensor:
        """f(x) - x·f'(x) = -2N·q·f(x), the derivative of α·f(x/α) against α at α = 1; it vanishes at infinity."""
        near = F.clamp(x, -FAR, FAR)
        _, v = self._powers(near)
        return -2 * self.N * (self.c / (self.c + v)) * self.value(near)

    def _powers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        ceiling = F.ceiling(self.N, x.dtype)
        t = F.clamp(x * self.s, 0.0 if self.slope == 0 else -ceiling, ceiling)
        return t, F.even_power(t, self.N)

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

    @property
    def limits(self) -> tuple[float, float]:
        """Where the gate has become 0 and alpha."""
        return F.golu_limits(self.alpha, self.beta, self.gamma)

    def value(self, x: Tensor) -> Tensor:
        return F.gompertz_gated(x, self.alpha, self.beta, self.gamma, *self.limits)

    def derivative(self, x: Tensor) -> Tensor:
        y, z = self._inside(x)
        return self.alpha * torch.exp(-z) * (1 + y * z)

    def second_derivative(self, x: Tensor) -> Tensor:
        y, z = self._inside(x)
        return self.alpha * self.gamma * torch.exp(-z) * z * (2 - y * (1 - z))

    def _inside(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.gamma * F.clamp(x, *self.limits)
        return y, self.beta * torch.exp(-y)


Family = Gated | Gompertz
