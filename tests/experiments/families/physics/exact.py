"""The activations and their derivatives in 60 digits, as the truth for the derivatives of the networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

DIGITS = 60
Number = Any  # mpmath's types are not typed


def gate(x: Number, N: int, c: Number) -> Number:
    return x ** (2 * N) / (c + x ** (2 * N))


def egem(N: int, eps: str) -> Callable[[Number], Number]:
    return lambda x: x * gate(x, N, mpmath.mpf(eps)) if x > 0 else mpmath.mpf(0)


def segem(N: int, eps: str, slope: str) -> Callable[[Number], Number]:
    return lambda x: x * gate(x, N, mpmath.mpf(eps)) * (1 if x > 0 else mpmath.mpf(slope))


def selu(x: Number) -> Number:
    alpha, scale = mpmath.mpf("1.6732632423543772848170429916717"), mpmath.mpf("1.0507009873554804934193349852946")
    return scale * (x if x > 0 else alpha * mpmath.expm1(x))


def leaky(slope: str) -> Callable[[Number], Number]:
    return lambda x: x if x > 0 else mpmath.mpf(slope) * x


def softplus(x: Number) -> Number:
    return mpmath.log1p(mpmath.exp(x))


def elu(x: Number) -> Number:
    return x if x > 0 else mpmath.expm1(x)


def sigmoid(x: Number) -> Number:
    return 1 / (1 + mpmath.exp(-x))


# Name and parameters, as gem.make_activation takes them, and the function.
EXACT: list[tuple[str, dict[str, Any], Callable[[Number], Number]]] = [
    *(("gem", {"N": N}, egem(N, "1")) for N in (1, 2, 3)),
    *(("egem", {"N": N, "eps": float(eps)}, egem(N, eps)) for N in (1, 2, 3) for eps in ("1e-2", "1e-4")),
    ("segem", {"N": 2, "eps": 1e-2, "negative_slope": 0.125}, segem(2, "1e-2", "0.125")),
    ("golu", {}, lambda x: x * mpmath.exp(-mpmath.exp(-x))),
    ("relu", {}, leaky("0")),
    ("leaky_relu", {"negative_slope": 0.125}, leaky("0.125")),
    ("prelu", {"init": 0.25}, leaky("0.25")),
    ("elu", {}, elu),
    ("celu", {}, elu),
    ("selu", {}, selu),
    ("gelu", {}, lambda x: x * (1 + mpmath.erf(x / mpmath.sqrt(2))) / 2),
    ("silu", {}, lambda x: x * sigmoid(x)),
    ("mish", {}, lambda x: x * mpmath.tanh(softplus(x))),
    ("softplus", {}, softplus),
    ("tanh", {}, mpmath.tanh),
    ("sigmoid", {}, sigmoid),
    ("identity", {}, lambda x: x),
]


def derivatives(function: Callable[[Number], Number], x: float, order: int) -> list[float]:
    """f(x), f'(x), …, to far more digits than a double has."""
    with mpmath.workdps(DIGITS):
        return [float(mpmath.diff(function, mpmath.mpf(x), n)) for n in range(order + 1)]
