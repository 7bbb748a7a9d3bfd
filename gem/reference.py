"""GEM, E-GEM, SE-GEM and GoLU in plain torch operations: the definitions that everything else is tested against.

All four are elementwise, take a tensor of any shape and any real floating-point type and return one of the same
shape and type. float16 and bfloat16 are computed in float32 and rounded once. They differentiate to any order in any
mode, compile, trace, vmap and export, but in eager mode autograd keeps every intermediate. The functions of the same
names in :mod:`gem` keep one tensor and are faster.

+inf gives +inf, -inf gives the limit there, NaN gives NaN; derivatives likewise. E-GEM's and SE-GEM's formulas are
reconstructions, see :func:`egem` and :func:`segem`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gem._checks import CONVENTIONS, check_choice, check_floating, check_N, check_positive, check_slope
from gem._scale import make_scale

Scalar = float | Tensor


def gem(x: Tensor, N: int = 1) -> Tensor:
    """Geometric monomial: x·g(x) with the log-logistic gate g(x) = 1 / (1 + x^(-2N)) for x > 0, and 0 for x ≤ 0.

    2N times continuously differentiable, no more. Source: GEM (arXiv:2604.21677), section 2.1.
    Raises TypeError or ValueError where ``x`` is not floating or ``N`` is not an integer in [1, 32].
    """
    return gated_leaky(x, check_N(N), 1.0, 1.0, None)


def egem(x: Tensor, N: int = 1, eps: Scalar = 1e-4, convention: str = "additive") -> Tensor:
    """E-GEM: x^(2N+1) / (eps + x^(2N)) for x > 0, else 0. With ``convention="scale"``, eps^(2N) takes the place of eps.

    This is α·gem(x/α) with α = eps^(1/(2N)), or α = eps. A reconstruction: the paper's definition could not be
    obtained; the additive reading is the likelier of the two. eps = 1 is GEM, eps → 0 is ReLU. ``eps`` is a number
    in [1e-30, 1e30], or a positive tensor that broadcasts against ``x`` and may require grad. After GEM
    (arXiv:2604.21677), section 2.2. Raises TypeError or ValueError for a parameter outside its range; the elements
    of a tensor are checked in eager mode on a CPU only.
    """
    return _log_logistic(x, N, eps, None, convention)


def segem(
    x: Tensor, N: int = 1, eps: Scalar = 1e-4, negative_slope: float = 0.01, convention: str = "additive"
) -> Tensor:
    """SE-GEM: egem(x) - negative_slope·egem(-x).

    A reconstruction from the stated properties: only the negative branch differs from E-GEM, C^(2N) at 0, no dead
    units. ``negative_slope`` lies in [0, 1); the rest is as in :func:`egem`. After GEM (arXiv:2604.21677), section
    2.3.
    """
    slope = check_slope(negative_slope)
    if not torch.compiler.is_compiling() and slope == 0:  # torch.compile would make code for this very slope
        return _log_logistic(x, N, eps, None, convention)
    return _log_logistic(x, N, eps, slope, convention)


def golu(x: Tensor, alpha: float = 1.0, beta: float = 1.0, gamma: float = 1.0) -> Tensor:
    """GoLU: x·alpha·exp(-beta·exp(-gamma·x)), the input times a Gompertz gate; the limit at -inf is 0.

    The parameters lie in [1e-30, 1e30]. Source: GoLU (arXiv:2502.03654), section 3. Raises TypeError or ValueError
    for a parameter outside its range and TypeError where ``x`` is not floating.
    """
    check_floating(x)
    low, high = golu_limits(alpha, beta, gamma)
    if torch.compiler.is_compiling():  # a sum can take a varying number, a comparison cannot
        zero = torch.zeros((), dtype=widen(x).dtype, device=x.device)
        return gompertz_gated(x, alpha, beta, gamma, zero + low, zero + high)
    return gompertz_gated(x, alpha, beta, gamma, low, high)


def gompertz_gated(x: Tensor, alpha: Scalar, beta: Scalar, gamma: Scalar, low: Scalar, high: Scalar) -> Tensor:
    """GoLU with the limits of its gate, see :func:`golu_limits`."""
    check_floating(x)
    z = widen(x)
    # Differences to 0: what is compared with a tensor, torch.compile keeps as a mask for backward.
    above = torch.where(z - low < 0, low, z)
    gate = torch.exp(-beta * torch.exp(-gamma * torch.where(above - high > 0, high, above)))
    return (above * (alpha * gate)).to(x.dtype)


def golu_limits(alpha: float, beta: float, gamma: float) -> tuple[float, float]:
    """Where the Gompertz gate is exactly 0 (its exponent is 800) and exactly ``alpha``; checks the parameters."""
    check_positive("alpha", alpha)
    log_beta = math.log2(check_positive("beta", beta)) * math.log(2)  # torch.compile takes log2 of a varying number
    check_positive("gamma", gamma)
    return (log_beta - math.log(800)) / gamma, (log_beta + 800) / gamma


def _log_logistic(x: Tensor, N: int, eps: Scalar, slope: float | None, convention: str) -> Tensor:
    return gated_leaky(x, *constants(N, eps, convention), slope)


def constants(N: int, eps: Scalar, convention: str) -> tuple[int, Scalar, Scalar]:
    """N, c and s of :func:`gated_leaky`, after the parameters have been checked."""
    if not isinstance(eps, Tensor) and not torch.compiler.is_compiling():
        return make_scale(N, eps, convention)
    power = 1.0 if check_choice("convention", convention, CONVENTIONS) == "scale" else 1 / (2 * check_N(N))
    return check_N(N), 1.0, check_positive("eps", eps) ** -power


def gated_leaky(x: Tensor, N: int, c: Scalar, s: Scalar, slope: float | None) -> Tensor:
    """The family's one primitive: leaky_relu(x, slope)·v / (c + v) with v = (s·x)^(2N); no slope is a slope of 0.

    v is kept below a ceiling where the quotient is 1: it and its derivatives stay finite for every x.
    """
    check_floating(x)
    z = widen(x)
    top = ceiling(N, z.dtype)
    leaky = torch.where(z <= 0, 0.0 if slope is None else slope * z, z)
    t = clip(z * s, 0.0 if slope is None else -top, top)
    v = even_power(t, N)
    q = c / (c + v)
    # The bracket is 0 but has the gate's derivative, -q', without the quotient rule's cancellation in 1 - v / (c + v).
    gate = (v / (c + v)).detach() + (q.detach() - q)
    return (leaky * gate).to(x.dtype)


def ceiling(N: int, dtype: torch.dtype) -> float:
    """The t whose 2N-th power is 2^100, in float32 2^60: there the gate is 1, and no second derivative overflows."""
    highest = 100 if dtype == torch.float64 else 60
    return float(2.0 ** (highest / (2 * N)))


def even_power(t: Tensor, N: int) -> Tensor:
    """t^(2N) by multiplication: `pow` would be promoted to float32 under autocast, and is slower."""
    square = t * t
    power = square
    for _ in range(N - 1):
        power = power * square
    return power


def clip(x: Tensor, low: float, high: float) -> Tensor:
    """Clamp whose gradient at NaN is NaN: `Tensor.clamp` gives 0 there, and would hide a divergence."""
    return torch.where(x < low, low, torch.where(x > high, high, x))


def widen(x: Tensor) -> Tensor:
    """``x`` itself if it is float32 or float64, else a float32 copy."""
    return x if x.dtype == torch.float32 or x.dtype == torch.float64 else x.float()
