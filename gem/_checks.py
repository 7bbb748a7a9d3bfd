"""Checks of parameters and inputs. Every message names the parameter, the value given and what is allowed.

Under torch.compile the values of numbers are not checked: a check would tie the compiled code to one value.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TypeVar, overload

import torch
from torch import Tensor

MAX_N = 32
EPS_RANGE = (1e-30, 1e30)  # keeps the scale, and its power-of-two approximation, inside float32 for every N
CONVENTIONS = ("additive", "scale")
SAVES = ("input", "output")
_POSITIVE = "[1e-30, 1e+30]"

Number = TypeVar("Number", bound=float)


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


def check_integer(name: str, value: object) -> int:
    """Return ``value`` if it is an integer."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    return value


def check_real(name: str, value: object, allowed: str) -> float:
    """Return ``value`` as a float if it is a finite real number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number in {allowed}, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a number in {allowed}, got {value!r}")
    return float(value)


def check_slope(negative_slope: float) -> float:
    """Return ``negative_slope`` as a float if it lies in [0, 1)."""
    if torch.compiler.is_compiling():
        return negative_slope
    value = check_real("negative_slope", negative_slope, "[0, 1)")
    if not 0 <= value < 1:
        raise ValueError(f"negative_slope must be a number in [0, 1), got {negative_slope!r}")
    return value


@overload
def check_positive(name: str, value: Tensor) -> Tensor: ...
@overload
def check_positive(name: str, value: float) -> float: ...
def check_positive(name: str, value: float | Tensor) -> float | Tensor:
    """Return ``value`` if it is a number in [1e-30, 1e30] (as a float), or a tensor of positive numbers.

    The elements of a tensor are checked only in eager mode on a CPU: elsewhere the check would wait for the device.
    """
    if torch.compiler.is_compiling():
        return value
    if isinstance(value, Tensor):
        seen = type(value) in (Tensor, torch.nn.Parameter) and value.device.type == "cpu" and not is_wrapped(value)
        if seen and not bool((value > 0).all()):
            raise ValueError(f"{name} must be above 0 in every element, got {value.detach()!r}")
        return value
    low, high = EPS_RANGE
    number = check_real(name, value, _POSITIVE)
    if not low <= number <= high:
        raise ValueError(f"{name} must be a number in {_POSITIVE}, got {value!r}")
    return number


def is_wrapped(x: Tensor) -> bool:
    """Whether ``x`` is wrapped by a transform of torch.func or by autograd's own vmap."""
    return torch._C._functorch.is_functorch_wrapped_tensor(x) or torch._C._functorch.is_legacy_batchedtensor(x)


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``choices``."""
    if value not in choices:
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return str(value)


def check_floating(x: Tensor) -> None:
    """Raise TypeError unless ``x`` is a real floating-point tensor."""
    if not isinstance(x, Tensor):
        raise TypeError(f"expected a tensor, got {type(x).__name__}")
    if not x.is_floating_point():
        raise TypeError(f"expected a tensor of a real floating-point type, got {x.dtype}")
