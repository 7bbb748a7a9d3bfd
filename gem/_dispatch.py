"""Which implementation computes in eager mode: blocks on a CPU, Triton on a GPU, or plain operations."""

from __future__ import annotations

import importlib
import os
import warnings
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

from gem import _pieces
from gem._closed_forms import Family, Gated
from gem._inverse import derivative_at
from gem.reference import widen

# Below this many elements a launch costs more than the work. Not yet measured on a GPU: the smallest sizes of
# `scripts/bench.py activations` show on which side of it the naive composition wins.
TRITON_FROM = 1 << 12


def value(x: Tensor, family: Family) -> Tensor:
    """f(x)."""
    if is_plain_cpu(x):
        return _pieces.value(x, family)
    if (triton := _triton_for(x)) is not None:
        out: Tensor = triton.value_op(x, *triton.arguments(family))
        return out
    return family.value(x)


def slope_product(grad: Tensor, x: Tensor, family: Family) -> Tensor:
    """grad·f'(x)."""
    if is_plain_cpu(grad, x):
        return _pieces.slope_product(grad, x, family)
    if (triton := _triton_for(grad, x)) is not None:
        N, parameters = triton.arguments(family)
        out: Tensor = triton.slope_product_op(grad, x, N, False, parameters)
        return out
    return (widen(grad) * family.derivative(widen(x))).to(x.dtype)


def slope_product_at(grad: Tensor, y: Tensor, family: Family) -> Tensor:
    """grad·f'(x) where f(x) = ``y``."""
    assert isinstance(family, Gated)
    if is_plain_cpu(grad, y):
        return _pieces.slope_product_at(grad, y, family)
    if (triton := _triton_for(grad, y)) is not None:
        N, parameters = triton.arguments(family, invert=True)
        out: Tensor = triton.slope_product_op(grad, y, N, True, parameters)
        return out
    return (widen(grad) * derivative_at(widen(y), family)).to(y.dtype)


def _triton_for(*tensors: Tensor) -> ModuleType | None:
    """The Triton kernels, if they are there and serve these tensors."""
    x = tensors[0]
    wanted = x.device.type == "cuda" and x.dtype != torch.float64 and x.numel() >= TRITON_FROM
    return _load_triton() if wanted and all(map(_is_plain, tensors)) else None


@cache
def _load_triton() -> ModuleType | None:
    """None where Triton is missing or unwanted (GEM_TRITON=0), or cannot launch: the plain operations serve then."""
    if os.environ.get("GEM_TRITON") == "0":
        return None
    try:
        found = importlib.import_module("gem._triton_kernels")
        found.try_out(torch.device("cuda"))
    except ImportError:
        return None
    except Exception as error:  # whatever Triton's compiler raises: no C compiler, a GPU that it does not serve, …
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        warnings.warn(f"gem: Triton cannot launch ({reason}); slower plain operations are used", stacklevel=2)
        return None
    return found


def is_plain_cpu(*tensors: Tensor) -> bool:
    """Whether pieces can be viewed and written in place."""
    return all(t.device.type == "cpu" and _is_plain(t) for t in tensors)


def _is_plain(x: Tensor) -> bool:
    """No subclass (fake, distributed, …) and not inside vmap: those want plain operations."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(x) or torch._C._functorch.is_legacy_batchedtensor(x)
    return type(x) in (Tensor, torch.nn.Parameter) and not wrapped
