"""The family as autograd functions with closed-form derivatives: what the modules use in eager mode.

:func:`activate` computes f(x) and saves one tensor for backward, the input or the output. The output costs nothing
where the next layer keeps it anyway, as convolutions and linear layers do. First derivatives come from one fused
pass, second derivatives from the closed form, higher ones by differentiating that; vmap, grad, jvp and their
compositions work.

Under ``torch.compile`` and export the plain operations take over: they fuse with their neighbours, and the
partitioner recomputes what it need not keep.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from gem import _dispatch
from gem._closed_forms import Family, Gated
from gem._inverse import preimage
from gem.reference import check_floating, widen


def activate(x: Tensor, family: Family, save: str = "input") -> Tensor:
    """f(x), elementwise; ``save="output"`` is for :class:`Gated` only, whose output determines its input."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return family.value(x)
    check_floating(x)
    out: Tensor = _Value.apply(x, family, save)
    return out


def invert(y: Tensor, family: Gated) -> Tensor:
    """x where f(x) = ``y`` (0 where y = 0), differentiable."""
    x: Tensor = _Preimage.apply(y, family)
    return x


class _Value(Function):
    @staticmethod
    def forward(x: Tensor, family: Family, save: str) -> Tensor:
        return _dispatch.value(x, family)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Family, str], output: Tensor) -> None:
        x, ctx.family, ctx.save = inputs
        ctx.save_for_backward(output if ctx.save == "output" else x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (saved,) = ctx.saved_tensors
        if not torch.is_grad_enabled():
            product = _dispatch.slope_product_at if ctx.save == "output" else _dispatch.slope_product
            return product(grad, saved, ctx.family), None, None
        x = invert(saved, ctx.family) if ctx.save == "output" else saved
        return _SlopeProduct.apply(grad, x, ctx.family), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        out: Tensor = _SlopeProduct.apply(tangent, ctx.saved_tensors[0], ctx.family)
        return out

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, family: Family, save: str) -> tuple[Tensor, Any]:
        return _Value.apply(x, family, save), in_dims[0]


class _SlopeProduct(Function):
    """grad·f'(x)."""

    @staticmethod
    def forward(grad: Tensor, x: Tensor, family: Family) -> Tensor:
        return _dispatch.slope_product(grad, x, family)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Family], output: Tensor) -> None:
        grad, x, ctx.family = inputs
        ctx.save_for_backward(grad, x)
        ctx.save_for_forward(grad, x)

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, Tensor, None]:
        grad, x = ctx.saved_tensors
        return _SlopeProduct.apply(outer, x, ctx.family), _curvature_product(outer * grad, x, ctx.family), None

    @staticmethod
    def jvp(ctx: Any, grad_tangent: Tensor | None, x_tangent: Tensor | None, _: None) -> Tensor:
        grad, x = ctx.saved_tensors
        out = torch.zeros_like(x)
        if grad_tangent is not None:
            out = out + _SlopeProduct.apply(grad_tangent, x, ctx.family)
        if x_tangent is not None:
            out = out + _curvature_product(grad * x_tangent, x, ctx.family)
        return out

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], grad: Tensor, x: Tensor, family: Family) -> tuple[Tensor, int]:
        grad, x = (
            t.expand(info.batch_size, *t.shape) if d is None else t.movedim(d, 0)
            for t, d in zip((grad, x), in_dims[:2], strict=True)
        )
        return _SlopeProduct.apply(grad, x, family), 0


class _Preimage(Function):
    """x from f(x), so that the second derivative reaches the input through the saved output."""

    generate_vmap_rule = True

    @staticmethod
    def forward(y: Tensor, family: Gated) -> Tensor:
        return preimage(widen(y), family).to(y.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Gated], output: Tensor) -> None:
        ctx.family = inputs[1]
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _slope_quotient(grad, ctx.saved_tensors[0], ctx.family), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        return _slope_quotient(tangent, ctx.saved_tensors[0], ctx.family)


def _slope_quotient(grad: Tensor, x: Tensor, family: Family) -> Tensor:
    """grad / f'(x), and 0 where f'(x) = 0: it is multiplied by f' again."""
    slope = _SlopeProduct.apply(torch.ones_like(x), x, family)
    return torch.where(slope == 0, 0, grad / torch.where(slope == 0, 1, slope))


def _curvature_product(factor: Tensor, x: Tensor, family: Family) -> Tensor:
    return (widen(factor) * family.second_derivative(widen(x))).to(x.dtype)
