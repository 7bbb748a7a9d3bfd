"""Selects the implementation of eager mode.

CPU: pieces or a compiled library. GPU: Triton. Any other tensor: plain operations.
"""

from __future__ import annotations

import importlib
import os
import warnings
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

from gem import _pieces
from gem._checks import is_wrapped
from gem._closed_forms import Family, Gated
from gem._inverse import derivative_at
from gem.reference import widen

# Below this many elements a launch costs more than the work. Not yet measured on a GPU: in `bench activations` the
# smallest sizes show where the naive composition is faster.
TRITON_FROM = 1 << 12


cpu: ModuleType = _pieces  # or _native, see gem.kernels


def value(x: Tensor, family: Family) -> Tensor:
    """f(x)."""
    out: Tensor
    if is_plain_cpu(x):
        out = cpu.value(x, family)
        return out
    if (triton := _triton_for(x)) is not None:
        out = triton.value_op(x, *triton.arguments(family))
        return out
    return family.value(x)


def slope_product(grad: Tensor, x: Tensor, family: Family) -> Tensor:
    """grad·f'(x)."""
    out: Tensor
    if is_plain_cpu(x, grad):
        out = cpu.slope_product(grad, x, family)
        return out
    if (triton := _triton_for(x, grad)) is not None:
        N, parameters = triton.arguments(family)
        out = triton.slope_product_op(grad, x, N, False, parameters)
        return out
    return (widen(grad) * family.derivative(widen(x))).to(grad.dtype)


def slope_product_at(grad: Tensor, y: Tensor, family: Gated) -> Tensor:
    """grad·f'(x) where f(x) = ``y``."""
    out: Tensor
    if is_plain_cpu(y, grad):
        out = cpu.slope_product_at(grad, y, family)
        return out
    if (triton := _triton_for(y, grad)) is not None:
        N, parameters = triton.arguments(family, invert=True)
        out = triton.slope_product_op(grad, y, N, True, parameters)
        return out
    return (widen(grad) * derivative_at(widen(y), family)).to(grad.dtype)


def log_scale_sum(grad: Tensor, x: Tensor, family: Gated) -> Tensor:
    """The sum of grad·(f(x) - x·f'(x)) on a CPU, in float32 or float64."""
    out: Tensor = cpu.log_scale_sum(grad, x, family)
    return out


def _triton_for(x: Tensor, *others: Tensor) -> ModuleType | None:
    """The Triton kernels if they are available and support these tensors, else None."""
    wanted = x.device.type == "cuda" and x.dtype != torch.float64 and x.numel() >= TRITON_FROM
    return _load_triton() if wanted and _is_plain(x, *others) else None


def triton_status() -> str:
    """What computes CUDA tensors, as far as it is known without a trial launch."""
    if not torch.cuda.is_available():
        return "torch (no device)"
    if os.environ.get("GEM_TRITON") == "0":
        return "torch (GEM_TRITON=0)"
    if not _load_triton.cache_info().currsize:
        return "triton, not tried yet"
    return "triton" if _load_triton() else "torch (Triton cannot launch)"


@cache
def _load_triton() -> ModuleType | None:
    """The Triton kernels, or None if Triton is missing, unwanted (GEM_TRITON=0) or cannot launch."""
    if os.environ.get("GEM_TRITON") == "0":
        return None
    try:
        found = importlib.import_module("gem._triton_kernels")
        found.try_out(torch.device("cuda"))
    except ImportError:
        return None
    except Exception as error:  # Triton's compiler raises many types: no C compiler, an unsupported GPU, …
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        warnings.warn(f"gem: Triton cannot launch ({reason}); slower plain operations are used", stacklevel=2)
        return None
    return found


def is_plain_cpu(x: Tensor, *others: Tensor) -> bool:
    """Whether the memory of these tensors can be accessed directly. They have one shape; False if dtypes differ."""
    return x.device.type == "cpu" and _is_plain(x, *others)


def _is_plain(x: Tensor, *others: Tensor) -> bool:
    """Whether the tensors are strided, of no subclass (fake, distributed, …), and outside vmap, modes and compiler.

    All others need plain operations, because they intercept each operation.
    """
    if torch.compiler.is_compiling():  # before the next questions, which the compiler of torch 2.11 cannot trace
        return False
    if torch._C._len_torch_dispatch_stack() or not _is_dense(x):
        return False
    return all(_is_dense(t) and t.dtype == x.dtype and t.device == x.device for t in others)


def _is_dense(x: Tensor) -> bool:
    return (
        (type(x) is Tensor or type(x) is torch.nn.Parameter)
        and x.layout is torch.strided
        and not x.is_nested
        and not is_wrapped(x)
    )
