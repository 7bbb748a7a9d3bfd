"""A scale that is learned: α·f(x/α) with α a positive tensor, one for the layer or one a channel.

The derivative against α is f(t) - t·f'(t) with t = x/α: both need nothing but the output (or the input) and α.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from gem.closed_forms import Gated
from gem.fast import invert
from gem.functional import check_floating, gated_leaky, widen


def activate_scaled(x: Tensor, alpha: Tensor, N: int, slope: float, save: str = "input") -> Tensor:
    """alpha·f(x/alpha) for the GEM family; ``alpha`` is 0-d, or has one element for each index of dimension 1."""
    check_floating(x)
    if alpha.dim() == 1:
        alpha = alpha.view(-1, *(1,) * (x.dim() - 2))
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return gated_leaky(x, N, 1.0, 1 / alpha.to(widen(x).dtype), slope)
    out: Tensor = _Scaled.apply(x, alpha, Gated(N, 1.0, 1.0, slope), save)
    return out


class _Scaled(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, alpha: Tensor, family: Gated, save: str) -> Tensor:
        z = widen(x)
        return gated_leaky(z, family.N, 1.0, 1 / alpha.to(z.dtype), family.slope).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Gated, str], output: Tensor) -> None:
        x, alpha, ctx.family, ctx.save = inputs
        ctx.save_for_backward(output if ctx.save == "output" else x, alpha)
        ctx.save_for_forward(x, alpha)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        saved, alpha = ctx.saved_tensors
        t = _in_units(saved, alpha)
        if ctx.save == "output":
            t = invert(t, ctx.family)
        wide = widen(grad)
        by_alpha = (wide * ctx.family.scale_derivative(t)).sum_to_size(alpha.shape)
        return (wide * ctx.family.derivative(t)).to(grad.dtype), by_alpha.to(alpha.dtype), None, None

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


def _in_units(x: Tensor, alpha: Tensor) -> Tensor:
    z = widen(x)
    return z / alpha.to(z.dtype)
