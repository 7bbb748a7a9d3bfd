"""The derivative from the output alone. GEM, E-GEM and SE-GEM are monotone, so the output determines the input.

In units of the scale, w = y/α and t = x/α solve t = w·(1 + t^(-2N)). Two steps of Halley's method from below
suffice in float32 and three in float64, with one more for N > 8. The inversion is well conditioned, |dt/t| ≤ |dw/w|,
and so is the derivative at the result. Source of the idea: *Inverted Activations* (arXiv:2407.15545). GoLU is not
monotone, and near its minimum the output does not determine the input.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gem._closed_forms import Gated
from gem.reference import clip, even_power

FAR = 2.0**50  # in units of the scale; beyond it the gate is 1 in double precision
MANY = 8  # for a larger N Halley's method takes one more step


def derivative_at(y: Tensor, family: Gated) -> Tensor:
    """f'(x) where f(x) = ``y``, in float32 or float64. It is 0 at y = 0, and NaN at y = NaN."""
    w, t = _solve(y, family)
    r = w / t
    slope = r * (1 + 2 * family.N * (1 - r))
    return torch.where(y > 0, slope, torch.where(y == 0, 0, family.slope * slope))


def preimage(y: Tensor, family: Gated) -> Tensor:
    """x where f(x) = ``y``. Correct up to |x| = 2^50·α, beyond which f(x) = x or f(x) = slope·x.

    Without a slope every x ≤ 0 has y = 0. Then the result is -α, where all derivatives are 0.
    """
    x = _solve(y, family)[1] * family.alpha
    return torch.where(y == 0, 0 if family.slope else -family.alpha, torch.where(y < 0, -x, x))


def halley_steps(N: int, dtype: torch.dtype) -> int:
    """Number of Halley steps that reach the precision of ``dtype``."""
    return (3 if dtype == torch.float64 else 2) + (N > MANY)


def _solve(y: Tensor, family: Gated) -> tuple[Tensor, Tensor]:
    """(w, t) of |y|, in units of the scale."""
    N, tiny = family.N, torch.finfo(y.dtype).tiny
    unit = family.alpha
    w = torch.where(y < 0, y / (-unit * family.slope), y / unit) if family.slope else y / unit
    w = clip(w, tiny, FAR)
    power = w ** (1 / (2 * N + 1))
    t = torch.maximum(w, power + w / (2 * N + 1))
    for _ in range(halley_steps(N, y.dtype)):
        b = w / (even_power(t, N) * t)
        gap = 1 - w / t - b
        rise = 1 + 2 * N * b
        t = t - t * gap * rise / (rise * rise + N * (2 * N + 1) * b * gap)
    return w, t
