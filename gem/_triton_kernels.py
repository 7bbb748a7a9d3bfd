"""Triton kernels for eager use on a GPU: one forward and one backward for the whole family.

They are registered as ``torch.ops.gem.value`` and ``torch.ops.gem.slope_product``. They compute in float32, so float64
uses the plain operations. Only :mod:`gem._dispatch` imports this module, at the first call that needs it.
"""

from __future__ import annotations

import contextlib

import torch
import triton
import triton.language as tl
from torch import Tensor

from gem import _inverse
from gem._closed_forms import Family, Gated
from gem.reference import ceiling

BLOCK = 1024
MANY = tl.constexpr(_inverse.MANY)
SMALLEST = tl.constexpr(torch.finfo(torch.float32).tiny)


@triton.jit
def _clamp(t, low, high):  # type: ignore[no-untyped-def]
    t = tl.where(t < low, low, t)  # two selections, because minimum and maximum may drop a NaN
    return tl.where(t > high, high, t)


@triton.jit
def _even_power(t, N: tl.constexpr):  # type: ignore[no-untyped-def]
    power = t * t
    for _ in tl.static_range(N - 1):
        power *= t * t
    return power


@triton.jit
def _gated_value(x, c, s, slope, top, N: tl.constexpr):  # type: ignore[no-untyped-def]
    v = _even_power(_clamp(x * s, -top, top), N)
    leaky = tl.where(x > 0, x, tl.where(slope > 0, slope * x, 0.0))
    return leaky * (v / (c + v))


@triton.jit
def _gated_derivative(x, c, s, slope, top, N: tl.constexpr):  # type: ignore[no-untyped-def]
    v = _even_power(_clamp(x * s, -top, top), N)
    d = v / (c + v) * (1 + 2 * N * (c / (c + v)))
    return tl.where(x > 0, d, slope * d)


@triton.jit
def _gated_derivative_at(y, unit, slope, far, N: tl.constexpr):  # type: ignore[no-untyped-def]
    w = tl.where(y < 0, -y / tl.where(slope > 0, slope, 1.0), y) / unit
    w = _clamp(w, SMALLEST, far)
    t = tl.exp2(tl.log2(w) / (2 * N + 1)) + w / (2 * N + 1)
    t = tl.where(t < w, w, t)
    for _ in tl.static_range(2 if N <= MANY else 3):
        b = w / (_even_power(t, N) * t)
        gap = 1 - w / t - b
        rise = 1 + 2 * N * b
        t -= t * gap * rise / (rise * rise + N * (2 * N + 1) * b * gap)
    r = w / t
    d = r * (1 + 2 * N * (1 - r))
    return tl.where(y < 0, slope * d, tl.where(y == 0, 0.0, d))


@triton.jit
def _golu_value(x, alpha, beta, gamma, low, high):  # type: ignore[no-untyped-def]
    gate = alpha * tl.exp(-beta * tl.exp(-gamma * _clamp(x, low, high)))
    return tl.where(x < low, low, x) * gate


@triton.jit
def _golu_derivative(x, alpha, beta, gamma, low, high):  # type: ignore[no-untyped-def]
    y = gamma * _clamp(x, low, high)
    z = beta * tl.exp(-y)
    return alpha * tl.exp(-z) * (1 + y * z)


@triton.jit
def _value_kernel(x_ptr, out_ptr, count, p0, p1, p2, p3, p4, N: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < count, other=0).to(tl.float32)
    y = _gated_value(x, p0, p1, p2, p3, N) if N > 0 else _golu_value(x, p0, p1, p2, p3, p4)
    tl.store(out_ptr + at, y.to(out_ptr.dtype.element_ty), mask=at < count)


@triton.jit
def _slope_kernel(  # type: ignore[no-untyped-def]
    grad_ptr,
    saved_ptr,
    out_ptr,
    count,
    p0,
    p1,
    p2,
    p3,
    p4,
    N: tl.constexpr,
    INVERT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    saved = tl.load(saved_ptr + at, mask=at < count, other=0).to(tl.float32)
    grad = tl.load(grad_ptr + at, mask=at < count, other=0).to(tl.float32)
    if INVERT:
        d = _gated_derivative_at(saved, p0, p1, p2, N)
    elif N > 0:
        d = _gated_derivative(saved, p0, p1, p2, p3, N)
    else:
        d = _golu_derivative(saved, p0, p1, p2, p3, p4)
    tl.store(out_ptr + at, (grad * d).to(out_ptr.dtype.element_ty), mask=at < count)


@torch.library.custom_op("gem::value", mutates_args=())
def value_op(x: Tensor, N: int, parameters: list[float]) -> Tensor:
    """f(x); ``N`` = 0 means GoLU. ``parameters`` are those of :func:`arguments`."""
    out = torch.empty_like(x)
    dense = _laid_out_as(out, x)
    with _on(x):
        _value_kernel[_grid(x)](dense, out, x.numel(), *parameters, N=N, BLOCK=BLOCK)
    return out


@torch.library.custom_op("gem::slope_product", mutates_args=())
def slope_product_op(grad: Tensor, saved: Tensor, N: int, invert: bool, parameters: list[float]) -> Tensor:
    """grad·f'(x), where ``saved`` is x, or f(x) if ``invert``."""
    out = torch.empty_like(saved)
    dense = _laid_out_as(out, saved), _laid_out_as(out, grad)
    with _on(saved):
        _slope_kernel[_grid(saved)](
            dense[1], dense[0], out, saved.numel(), *parameters, N=N, INVERT=invert, BLOCK=BLOCK
        )
    return out


@value_op.register_fake
def _(x: Tensor, N: int, parameters: list[float]) -> Tensor:
    return torch.empty_like(x)


@slope_product_op.register_fake
def _(grad: Tensor, saved: Tensor, N: int, invert: bool, parameters: list[float]) -> Tensor:
    return torch.empty_like(saved)


def _remember(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    x, ctx.N, ctx.parameters = inputs
    ctx.save_for_backward(x)


def _differentiate(ctx, grad):  # type: ignore[no-untyped-def]
    (x,) = ctx.saved_tensors
    return slope_product_op(grad, x, ctx.N, False, ctx.parameters), None, None


value_op.register_autograd(_differentiate, setup_context=_remember)


def try_out(device: torch.device) -> None:
    """Launch once on one element. Raises what Triton raises."""
    value_op(torch.zeros(1, device=device), *arguments(Gated(1, 1.0, 1.0, 0.0)))


def arguments(family: Family, invert: bool = False) -> tuple[int, list[float]]:
    """Order (0 for GoLU) and the five numbers that the kernels take."""
    if not isinstance(family, Gated):
        return 0, [family.alpha, family.beta, family.gamma, *family.limits]
    if invert:
        return family.N, [family.alpha, family.slope, _inverse.FAR, 0.0, 0.0]
    return family.N, [family.c, family.s, family.slope, ceiling(family.N, torch.float32), 0.0]


def _laid_out_as(out: Tensor, x: Tensor) -> Tensor:
    """``x`` in the memory layout of ``out``, which is dense: ``x`` itself if it has this layout, else a copy."""
    return x if x.stride() == out.stride() else torch.empty_like(out, dtype=x.dtype).copy_(x)


def _grid(x: Tensor) -> tuple[int]:
    return (max(1, triton.cdiv(x.numel(), BLOCK)),)


def _on(x: Tensor) -> contextlib.AbstractContextManager[object]:
    return torch.cuda.device(x.device) if x.is_cuda else contextlib.nullcontext()
