"""The two constants c and s through which every member of the GEM family is computed.

With α the scale of the log-logistic gate, the gate is v / (c + v) with v = (s·x)^(2N) and c = (s·α)^(2N). Any s > 0
gives the same function. A power of two costs no rounding, so s is a power of two. It keeps c near 1 where α^(2N) could
leave the range of float32. c is rounded once, because an error in α would enter 2N-fold.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from gem._checks import CONVENTIONS, check_choice, check_N, check_positive

COMFORTABLE_LOG2 = 20  # for |log2 c| up to this no rescaling is needed: at the ceiling of v the gate is 1


class Scale(NamedTuple):
    """Order and constants of a gate v / (c + v), v = (s·x)^(2N)."""

    N: int
    c: float
    s: float


def make_scale(N: int, eps: float, convention: str = "additive") -> Scale:
    """Constants for α = eps^(1/(2N)) (``"additive"``) or α = eps (``"scale"``). Raises TypeError or ValueError."""
    return _make_scale(check_N(N), check_positive("eps", eps), check_choice("convention", convention, CONVENTIONS))


@lru_cache(maxsize=1024)
def _make_scale(N: int, eps: float, convention: str) -> Scale:
    value = Fraction(eps) if convention == "additive" else Fraction(eps) ** (2 * N)
    log2 = math.log2(value.numerator) - math.log2(value.denominator)
    if abs(log2) <= COMFORTABLE_LOG2:
        return Scale(N, float(value), 1.0)
    k = round(log2 / (2 * N))
    return Scale(N, float(value / Fraction(2) ** (2 * N * k)), 2.0**-k)


def scale_of(log_alpha: float, N: int) -> Scale:
    """Constants for the scale α = exp(``log_alpha``)."""
    k = round(log_alpha / math.log(2))
    return Scale(N, math.exp(2 * N * (log_alpha - k * math.log(2))), 2.0**-k)


def constants_to_bits(c: float, s: float) -> Tensor:
    """s and c as the bits of four float32 numbers: s, and three numbers whose sum is c.

    Integers, because ``module.half()`` and similar calls round floating-point buffers. float32, because some devices
    have no float64.
    """
    parts, rest = [s], c
    for _ in range(3):
        parts.append(float(torch.tensor(rest, dtype=torch.float32, device="cpu")))
        rest -= parts[-1]
    return torch.tensor(parts, dtype=torch.float32, device="cpu").view(torch.int32)


def constants_from_bits(bits: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """(c, s) in float64 for float64 inputs, else in float32."""
    s, high, middle, low = bits.view(torch.float32).to(torch.float64 if dtype == torch.float64 else torch.float32)
    return high + (middle + low), s
