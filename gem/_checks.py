"""Checks of parameters and inputs; every message names the parameter, what was given and what is allowed."""

from __future__ import annotations

import math
from numbers import Integral, Real

import torch
from torch import Tensor

MAX_N = 32
EPS_RANGE = (1e-30, 1e30)  # keeps the scale, and its power-of-two approximation, inside float32 for every N
CONVENTIONS = ("additive", "scale")
SAVES = ("input", "output")


def check_N(N: object) -> int:  # noqa: N802
    """Return ``N`` if it is an integer in [1, 32]."""
    if isinstance(N, bool) or not isinstance(N, Integral):
        raise TypeError(f"N must be an integer in [1, {MAX_N}], got {N!r}")
    number = int(N)
    if not 1 <= number <= MAX_N:
        raise ValueError(f"N must be an integer in [1, {MAX_N}], got {N!r}")
    return number


def check_count(name: str, value: object) -> int:
    """Return ``value`` if it is an integer of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer of 1 or more, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be an integer of 1 or more, got {value!r}")
    return value


def check_real(name: str, value: object, allowed: str) -> float:
    """Return ``value`` as a float if it is a real number, NaN and the infinities excluded."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number in {allowed}, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a number in {allowed}, got {value!r}")
    return float(value)


def check_slope(negative_slope: object) -> float:
    """Return ``negative_slope`` as a float if it lies in [0, 1)."""
    value = check_real("negative_slope", negative_slope, "[0, 1)")
    if not 0 <= value < 1:
        raise ValueError(f"negative_slope must be a number in [0, 1), got {negative_slope!r}")
    return value


def check_positive(name: str, value: object) -> float:
    """Return ``value`` as a float if it lies in [1e-30, 1e30]."""
    low, high = EPS_RANGE
    allowed = f"[{low:g}, {high:g}]"
    number = check_real(name, value, allowed)
    if not low <= number <= high:
        raise ValueError(f"{name} must be a number in {allowed}, got {value!r}")
    return number


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``choices``."""
    if value not in choices:
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return str(value)


def check_floating(x: Tensor) -> None:
    """Raise TypeError unless ``x`` is a real floating-point tensor."""
    if not torch.jit.is_scripting() and not isinstance(x, Tensor):
        raise TypeError(f"expected a tensor, got {type(x).__name__}")
    if not x.is_floating_point():
        raise TypeError(f"expected a tensor of a real floating-point type, got {x.dtype}")
