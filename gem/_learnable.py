"""A scale that is learned: α·f(x/α) with α a positive tensor, one for the layer or one a channel.

The derivative against α is f(t) - t·f'(t) with t = x/α: both need nothing but the output (or the input) and α.
In eager mode on a CPU all of it is done piece by piece, as in :mod:`gem._pieces`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from gem import _dispatch
from gem._autograd import invert
from gem._closed_forms import Gated
from gem._pieces import PIECE
from gem.reference import check_floating, gated_leaky, widen


def activate_scaled(x: Tensor, alpha: Tensor, N: int, slope: float, save: str = "input") -> Tensor:
    """alpha·f(x/alpha) for the GEM family; ``alpha`` is 0-d, or has one element for each index of dimension 1."""
    check_floating(x)
    if alpha.dim() == 1:
        if not torch.jit.is_tracing() and (x.dim() < 2 or x.shape[1] != alpha.shape[0]):
            shape = tuple(x.shape)
            raise ValueError(f"channels must be the size of dimension 1 of an input {shape}, got {alpha.shape[0]}")
        alpha = alpha.view(-1, *(1,) * (x.dim() - 2))
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return gated_leaky(x, N, 1.0, 1 / alpha.to(widen(x).dtype), slope)
    out: Tensor = _Scaled.apply(x, alpha, Gated(N, 1.0, 1.0, slope), save)
    return out


class _Scaled(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, alpha: Tensor, family: Gated, save: str) -> Tensor:
        if not _dispatch.is_plain_cpu(x, alpha):
            return _value(x, alpha, family).to(x.dtype)
        out = torch.empty_like(x)
        for part, out_part in _pieces(alpha, x, out):
            out_part.copy_(_value(part, alpha, family))
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Gated, str], output: Tensor) -> None:
        x, alpha, ctx.family, ctx.save = inputs
        ctx.save_for_backward(output if ctx.save == "output" else x, alpha)
        ctx.save_for_forward(x, alpha)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        saved, alpha = ctx.saved_tensors
        if torch.is_grad_enabled() or not _dispatch.is_plain_cpu(grad, saved, alpha):
            by_x, by_alpha = _gradients(grad, saved, alpha, ctx)
            return by_x.to(grad.dtype), by_alpha.to(alpha.dtype), None, None
        by_x = torch.empty_like(grad)
        by_alpha = torch.zeros_like(alpha, dtype=widen(grad).dtype)
        for grad_part, saved_part, by_x_part in _pieces(alpha, grad, saved, by_x):
            by_x_piece, by_alpha_piece = _gradients(grad_part, saved_part, alpha, ctx)
            by_x_part.copy_(by_x_piece)
            by_alpha += by_alpha_piece
        return by_x, by_alpha.to(alpha.dtype), None, None

    @staticmethod
    def jvp(ctx: Any, x_tangent: Tensor | None, alpha_tangent: Tensor | None, *_: None) -> Tensor:
        x, alpha = ctx.saved_tensors
        t = _in_units(x, alpha)
        out = torch.zeros_like(t)
        if x_tangent is not None:
            out = out + ctx.family.derivative(t) * x_tangent
        if alpha_tangent is not None:
            out = out + ctx.family.scale_derivative(t) * alpha_tangent
        return out.to(x.dtype)


def _value(x: Tensor, alpha: Tensor, family: Gated) -> Tensor:
    """In float32 or float64. Not α·f(x/α): x/α may leave the range where α·f(x/α) does not."""
    z = widen(x)
    return gated_leaky(z, family.N, 1.0, 1 / alpha.to(z.dtype), family.slope)


def _gradients(grad: Tensor, saved: Tensor, alpha: Tensor, ctx: Any) -> tuple[Tensor, Tensor]:
    """Against x and α, in float32 or float64; differentiable where gradients are enabled."""
    t, wide = _in_units(saved, alpha), widen(grad)
    if ctx.save == "output":
        t = invert(t, ctx.family)
    by_x = wide * ctx.family.derivative(t) if torch.is_grad_enabled() else _dispatch.slope_product(wide, t, ctx.family)
    return by_x, (wide * ctx.family.scale_derivative(t)).sum_to_size(alpha.shape)


def _pieces(alpha: Tensor, *tensors: Tensor) -> Iterable[tuple[Tensor, ...]]:
    """Views of about a piece of each tensor, with which ``alpha`` broadcasts as it does with the whole."""
    if alpha.dim() == 0 and all(t.is_contiguous() for t in tensors):
        tensors = tuple(t.view(-1) for t in tensors)
    elif tensors[0].dim() == 0:
        return [tensors]
    row = max(1, tensors[0][:1].numel())
    rows = max(1, PIECE * torch.get_num_threads() // row)
    return zip(*(t.split(rows) for t in tensors), strict=True)


def _in_units(x: Tensor, alpha: Tensor) -> Tensor:
    z = widen(x)
    return z / alpha.to(z.dtype)
