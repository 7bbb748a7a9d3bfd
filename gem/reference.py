"""GEM, E-GEM, SE-GEM and GoLU in plain torch operations: the definitions that everything else is tested against.

All four are elementwise. They take a tensor of any shape and any real floating-point dtype, and return one of the same
shape and dtype. float16 and bfloat16 are computed in float32 and rounded once. They can be differentiated to any order
in any mode, compiled, traced, vmapped and exported. In eager mode autograd keeps every intermediate tensor. The
functions of the same names in :mod:`gem` keep one tensor and are faster.

+inf gives +inf, -inf gives the limit at -inf, and NaN gives NaN. The same holds for derivatives. The formulas of E-GEM
and SE-GEM are reconstructions, see :func:`egem` and :func:`segem`.
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
    """GEM (geometric monomial): x·g(x) with the log-logistic gate g(x) = 1 / (1 + x^(-2N)) for x > 0, and 0 for x ≤ 0.

    It is exactly 2N times continuously differentiable. Source: GEM (arXiv:2604.21677), section 2.1. Raises TypeError
    or ValueError if ``x`` is not floating-point or ``N`` is not an integer in [1, 32].
    """
    return gated_leaky(x, check_N(N), 1.0, 1.0, None)


def egem(x: Tensor, N: int = 1, eps: Scalar = 1e-4, convention: str = "additive") -> Tensor:
    """E-GEM: x^(2N+1) / (eps + x^(2N)) for x > 0, else 0. With ``convention="scale"``, eps^(2N) replaces eps.

    It equals α·gem(x/α) with α = eps^(1/(2N)), or α = eps with ``"scale"``. eps = 1 is GEM, eps → 0 is ReLU. A
    reconstruction: the paper's definition could not be obtained, and the additive form is the likelier of the two.
    ``eps`` is a number in [1e-30, 1e30], or a positive tensor that broadcasts against ``x`` and may require grad. After
    GEM (arXiv:2604.21677), section 2.2. Raises TypeError or ValueError for a parameter outside its range. The elements
    of a tensor are checked only in eager mode on a CPU.
    """
    return _log_logistic(x, N, eps, None, convention)


def segem(
    x: Tensor, N: int = 1, eps: Scalar = 1e-4, negative_slope: float = 0.01, convention: str = "additive"
) -> Tensor:
    """SE-GEM: egem(x) - negative_slope·egem(-x).

    A reconstruction from the properties that the paper states: only the negative branch differs from E-GEM, C^(2N) at
    0, no dead units. ``negative_slope`` is in [0, 1). The other parameters and the errors are those of :func:`egem`.
    After GEM (arXiv:2604.21677), section 2.3.
    """
    slope = check_slope(negative_slope)
    if not torch.compiler.is_compiling() and slope == 0:  # torch.compile would tie its code to this value of the slope
        return _log_logistic(x, N, eps, None, convention)
    return _log_logistic(x, N, eps, slope, convention)


def golu(x: Tensor, alpha: float = 1.0, beta: float = 1.0, gamma: float = 1.0) -> Tensor:
    """GoLU: x·alpha·exp(-beta·exp(-gamma·x)), the input times a Gompertz gate. The limit at -inf is 0.

    The parameters are in [1e-30, 1e30]. Source: GoLU (arXiv:2502.03654), section 3. Raises TypeError or ValueError for
    a parameter outside its range, and TypeError if ``x`` is not floating-point.
    """
    check_floating(x)
    low, high = golu_limits(alpha, beta, gamma)
    if torch.compiler.is_compiling():  # a sum accepts a symbolic number, a comparison does not
        zero = torch.zeros((), dtype=widen(x).dtype, device=x.device)
        return gompertz_gated(x, alpha, beta, gamma, zero + low, zero + high)
    return gompertz_gated(x, alpha, beta, gamma, low, high)


def gompertz_gated(x: Tensor, alpha: Scalar, beta: Scalar, gamma: Scalar, low: Scalar, high: Scalar) -> Tensor:
    """GoLU with given limits of its gate, see :func:`golu_limits`."""
    check_floating(x)
    z = widen(x)
    # Differences from 0: torch.compile would keep the mask of a comparison with a tensor for backward.
    above = torch.where(z - low < 0, low, z)
    gate = torch.exp(-beta * torch.exp(-gamma * torch.where(above - high > 0, high, above)))
    return (above * (alpha * gate)).to(x.dtype)


def golu_limits(alpha: float, beta: float, gamma: float) -> tuple[float, float]:
    """The inputs at which the Gompertz gate is exactly 0 (its exponent is 800) and exactly ``alpha``.

    Checks the parameters: raises TypeError or ValueError naming the one outside [1e-30, 1e30].
    """
    check_positive("alpha", alpha)
    log_beta = math.log2(check_positive("beta", beta)) * math.log(2)  # torch.compile supports log2 of a symbolic number
    check_positive("gamma", gamma)
    return (log_beta - math.log(800)) / gamma, (log_beta + 800) / gamma


def _log_logistic(x: Tensor, N: int, eps: Scalar, slope: float | None, convention: str) -> Tensor:
    return gated_leaky(x, *constants(N, eps, convention), slope)


def constants(N: int, eps: Scalar, convention: str) -> tuple[int, Scalar, Scalar]:
    """N, c and s of :func:`gated_leaky`. Checks the parameters."""
    if not isinstance(eps, Tensor) and not torch.compiler.is_compiling():
        return make_scale(N, eps, convention)
    power = 1.0 if check_choice("convention", convention, CONVENTIONS) == "scale" else 1 / (2 * check_N(N))
    return check_N(N), 1.0, check_positive("eps", eps) ** -power


def gated_leaky(x: Tensor, N: int, c: Scalar, s: Scalar, slope: float | None) -> Tensor:
    """The family's one primitive: leaky_relu(x, slope)·v / (c + v) with v = (s·x)^(2N). ``None`` is a slope of 0.

    v is clamped at a ceiling where the quotient is 1, so v and its derivatives stay finite for every x.
    """
    check_floating(x)
    z = widen(x)
    top = ceiling(N, z.dtype)
    leaky = torch.where(z <= 0, 0.0 if slope is None else slope * z, z)
    t = clip(z * s, 0.0 if slope is None else -top, top)
    v = even_power(t, N)
    q = c / (c + v)
    # The bracket is 0, but its derivative is the gate's, -q', without the cancellation of the quotient rule.
    gate = (v / (c + v)).detach() + (q.detach() - q)
    return (leaky * gate).to(x.dtype)


def ceiling(N: int, dtype: torch.dtype) -> float:
    """The t with t^(2N) = 2^100 (2^60 in float32). There the gate is 1, and no second derivative overflows."""
    highest = 100 if dtype == torch.float64 else 60
    return float(2.0 ** (highest / (2 * N)))


def even_power(t: Tensor, N: int) -> Tensor:
    """t^(2N) by multiplication: `pow` is slower, and autocast would promote it to float32."""
    square = t * t
    power = square
    for _ in range(N - 1):
        power = power * square
    return power


def clip(x: Tensor, low: float, high: float) -> Tensor:
    """Clamp whose gradient at NaN is NaN. The gradient of `Tensor.clamp` is 0 there and would hide a divergence."""
    return torch.where(x < low, low, torch.where(x > high, high, x))


def widen(x: Tensor) -> Tensor:
    """``x`` itself if it is float32 or float64, else a float32 copy."""
    return x if x.dtype == torch.float32 or x.dtype == torch.float64 else x.float()
