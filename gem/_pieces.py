"""CPU eager kernels in plain torch: a few in-place operations on pieces that stay in the cache.

One pass over main memory reads the inputs and writes the result, for any number of operations. Scratch memory is
reused between calls: one set per thread, at most ``PIECE`` elements for each thread of torch. Among sizes of 2^14 to
2^17 elements, 2^16 and more were fastest: smaller pieces cost Python overhead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from gem._closed_forms import Family, Gated, Gompertz
from gem._inverse import derivative_at

PIECE = 1 << 16
_aten = torch.ops.aten
_memory = threading.local()

# A kernel takes the inputs, the output and a scratch, all of one size in float32 or float64, and the family.
Kernel = Callable[..., None]


def value(x: Tensor, family: Family) -> Tensor:
    """f(x) in the dtype and memory layout of ``x``."""
    return _run(_gated_value if isinstance(family, Gated) else _golu_value, (x,), family)


def slope_product(grad: Tensor, x: Tensor, family: Family) -> Tensor:
    """grad·f'(x) in the dtype of ``grad`` and the memory layout of ``x``."""
    return _run(_gated_slope_product if isinstance(family, Gated) else _golu_slope_product, (x, grad), family)


def slope_product_at(grad: Tensor, y: Tensor, family: Gated) -> Tensor:
    """grad·f'(x) where f(x) = ``y``, in the dtype of ``grad`` and the memory layout of ``y``."""
    return _run(_slope_product_at, (y, grad), family)


def log_scale_sum(grad: Tensor, x: Tensor, family: Gated) -> Tensor:
    """The sum of grad·(f(x) - x·f'(x)) = -2N·grad·f(x)·q, in float32 or float64."""
    sums: list[Tensor] = []

    def kernel(x: Tensor, grad: Tensor, out: Tensor, work: Tensor, family: Gated) -> None:
        _log_scale_product(x, grad, out, work, family)
        sums.append(out.sum())

    _run(kernel, (x, grad), family)
    return torch.stack(sums).sum() * (-2 * family.N)


def _run(kernel: Kernel, inputs: tuple[Tensor, ...], family: Family) -> Tensor:
    first = inputs[0]
    out = torch.empty_like(first)
    size, numel, direct = PIECE * torch.get_num_threads(), first.numel(), first.dtype in (torch.float32, torch.float64)
    if numel <= size:  # one piece, in its own layout
        wide = _scratch(size, torch.float64 if first.dtype == torch.float64 else torch.float32, len(inputs) + 2)
        _step(kernel, inputs, out, [w[:numel].view(first.shape) for w in (wide[:1] if direct else wide)], family)
        return out
    if any(t.stride() != out.stride() for t in inputs):
        out = torch.empty_like(out, memory_format=torch.contiguous_format)
        inputs = tuple(t.contiguous() for t in inputs)
    wide = _scratch(size, torch.float64 if first.dtype == torch.float64 else torch.float32, len(inputs) + 2)
    flat = [t.as_strided((numel,), (1,)).split(size) for t in (*inputs, out)]
    for *parts, out_part in zip(*flat, strict=True):
        _step(kernel, parts, out_part, [w[: out_part.numel()] for w in (wide[:1] if direct else wide)], family)
    return out


def _step(kernel: Kernel, inputs: Any, out: Tensor, wide: list[Tensor], family: Family) -> None:
    """Run the kernel on one piece. Half-precision inputs are widened to float32, and the result is rounded once."""
    if len(wide) == 1:
        kernel(*inputs, out, wide[0], family)
        return
    work, result, *widened = wide
    for w, t in zip(widened, inputs, strict=True):
        w.copy_(t)
    kernel(*widened, result, work, family)
    out.copy_(result)


def _scratch(size: int, dtype: torch.dtype, count: int) -> list[Tensor]:
    kept: dict[Any, list[Tensor]] = _memory.__dict__
    found = kept.get((dtype, count))
    if found is None or found[0].numel() < size:
        with torch.inference_mode(False):
            found = kept[dtype, count] = [torch.empty(size, dtype=dtype, device="cpu") for _ in range(count)]
    return found


@lru_cache(maxsize=256)
def _constant(value: float, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor(value, dtype=dtype, device="cpu")


def _invert_power(x: Tensor, work: Tensor, family: Gated) -> None:
    """work ← (s·x)^(-N)."""
    torch.reciprocal(x, out=work)
    if family.s != 1:
        work.mul_(1 / family.s)
    if family.N > 1:
        odd = work.clone() if family.N & (family.N - 1) else work
        for bit in bin(family.N)[3:]:
            work.mul_(work)
            if bit == "1":
                work.mul_(odd)


def _invert_gate(k: float, x: Tensor, work: Tensor, family: Gated) -> None:
    """work ← k·(1 + c/v) with v = (s·x)^(2N). An infinite 1/x or power gives the right limit, so nothing is clamped."""
    _invert_power(x, work, family)
    torch.addcmul(_constant(k, x.dtype), work, work, value=k * family.c, out=work)


def _gated_value(x: Tensor, out: Tensor, work: Tensor, family: Gated) -> None:
    """relu(x) / (1 + c/v). For x ≤ 0 the divisor comes from 1/0."""
    if family.slope == 0:
        torch.clamp_min(x, 0, out=out)
        _invert_gate(1.0, out, work, family)
    else:
        _aten.leaky_relu.out(x, family.slope, out=out)
        _invert_gate(1.0, x, work, family)
    out.div_(work)


def _gated_slope_product(x: Tensor, grad: Tensor, out: Tensor, work: Tensor, family: Gated) -> None:
    """grad·f'(x) = e - κ·e/D with D = (1 + c/v) / (2N + 1), e = grad / D and κ = 2N / (2N + 1)²."""
    order = 2 * family.N
    if family.slope == 0:
        torch.clamp_min(x, 0, out=out)
        _invert_gate(1 / (order + 1), out, work, family)
        torch.div(grad, work, out=out)
    else:
        _invert_gate(1 / (order + 1), x, work, family)
        _aten.leaky_relu_backward.grad_input(grad, x, family.slope, False, grad_input=out)
        out.div_(work)
    torch.addcdiv(out, out, work, value=-order / (order + 1) ** 2, out=out)


def _log_scale_product(x: Tensor, grad: Tensor, out: Tensor, work: Tensor, family: Gated) -> None:
    """grad·f(x)·q = grad·x·w / (1 + w)² with w = c/v. |x| is clamped to where w is between 2^-60 and 2^60."""
    if family.slope == 0:
        torch.clamp(x, *family.middle, out=out)
    else:
        torch.abs(x, out=out).clamp_(*family.middle)
    _invert_power(out, work, family)
    work.mul_(work).mul_(family.c)
    out.mul_(work)
    work.add_(1)
    out.div_(work).div_(work)
    if family.slope != 0:  # f is odd up to the slope, and |x| was used
        grad = _aten.leaky_relu_backward.grad_input(grad, x, -family.slope, False, grad_input=work)
    out.mul_(grad)


def _slope_product_at(y: Tensor, grad: Tensor, out: Tensor, work: Tensor, family: Gated) -> None:
    torch.mul(grad, derivative_at(y, family), out=out)


def _golu_value(x: Tensor, out: Tensor, work: Tensor, family: Gompertz) -> None:
    """alpha·x / exp(z), z = beta·exp(-gamma·x)."""
    torch.mul(x, -family.gamma, out=work).exp_()
    if family.beta != 1:
        work.mul_(family.beta)
    work.exp_()
    torch.clamp_min(x, family.limits[0], out=out)
    out.div_(work)
    if family.alpha != 1:
        out.mul_(family.alpha)


def _golu_slope_product(x: Tensor, grad: Tensor, out: Tensor, work: Tensor, family: Gompertz) -> None:
    """alpha·grad·(1 + y·z) / exp(z), y = gamma·x."""
    torch.clamp(x, *family.limits, out=out)
    torch.mul(out, -family.gamma, out=work).exp_()
    if family.beta != 1:
        work.mul_(family.beta)
    torch.addcmul(_constant(1.0, x.dtype), out, work, value=family.gamma, out=out)
    out.div_(work.exp_()).mul_(grad)
    if family.alpha != 1:
        out.mul_(family.alpha)
