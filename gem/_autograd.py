"""Autograd functions of eager mode: closed-form derivatives, and one saved tensor.

:func:`activate` computes f(x) and saves the input or the output. The output costs no memory if the next layer keeps it
anyway, as convolutions and linear layers do. The first derivative is one fused pass. The second derivative is a closed
form, and higher ones differentiate that form.

Forward-mode differentiation uses the plain operations of :mod:`gem.reference`, at every order and in nested modes.
Reason: the ``jvp`` of an autograd function runs with forward mode switched off, so outer levels would be lost.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from gem import _dispatch
from gem._closed_forms import Family, Gated
from gem._inverse import preimage
from gem._layouts import has_values, map_values
from gem.reference import widen


def activate(x: Tensor, family: Family, save: str = "input") -> Tensor:
    """f(x), elementwise. ``save="output"`` requires :class:`Gated`, whose output determines its input."""
    if has_values(x):
        return map_values(lambda values: activate(values, family, save), x)
    if is_in_forward_mode() or torch.jit.is_tracing():
        return family.value(x)
    out: Tensor
    if torch._C._are_functorch_transforms_active():
        out = _TransformedValue.apply(x, family)
    elif not (x.requires_grad and torch.is_grad_enabled()):
        out = _dispatch.value(x, family)
    elif save == "output":
        out = _ValueSavingOutput.apply(x, handle_of(x), family)
    else:
        out = _Value.apply(x, family)
    return out


def slope_product(grad: Tensor, x: Tensor, family: Family) -> Tensor:
    """grad·f'(x) in the dtype of ``grad``; differentiable."""
    if is_in_forward_mode():
        return (widen(grad) * family.derivative(widen(x))).to(grad.dtype)
    if not torch.is_grad_enabled():
        return _dispatch.slope_product(grad, x, family)
    function = _TransformedSlope if torch._C._are_functorch_transforms_active() else _SlopeProduct
    out: Tensor = function.apply(grad, x, family)
    return out


def is_in_forward_mode() -> bool:
    """Whether forward-mode differentiation is active, of autograd or of torch.func."""
    return forward_ad._current_level >= 0


def handle_of(x: Tensor) -> Tensor:
    """A stand-in for ``x`` in the graph without its memory. Gradients that reach it go on to ``x``."""
    out: Tensor = _Handle.apply(x)
    return out


def attach(handle: Tensor, x: Tensor) -> Tensor:
    """``x`` with the graph history of ``handle``: for an ``x`` that was recomputed from the output."""
    out: Tensor = _Attach.apply(handle, x)
    return out


class _Value(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, family: Family) -> Tensor:
        ctx.family = family
        ctx.save_for_backward(x)
        return _dispatch.value(x, family)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return slope_product(grad, ctx.saved_tensors[0], ctx.family), None


class _ValueSavingOutput(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, handle: Tensor, family: Gated) -> Tensor:
        y = _dispatch.value(x, family)
        ctx.family = family
        ctx.save_for_backward(y, handle)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        y, handle = ctx.saved_tensors
        if not torch.is_grad_enabled() and not is_in_forward_mode():
            return _dispatch.slope_product_at(grad, y, ctx.family), None, None
        x = attach(handle, preimage(widen(y.detach()), ctx.family))
        return slope_product(grad, x, ctx.family), None, None


class _SlopeProduct(Function):
    """grad·f'(x)."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, x: Tensor, family: Family) -> Tensor:
        ctx.family = family
        ctx.save_for_backward(grad, x)
        return _dispatch.slope_product(grad, x, family)

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, Tensor, None]:
        grad, x = ctx.saved_tensors
        bend = widen(outer) * widen(grad) * ctx.family.second_derivative(widen(x))
        return slope_product(outer, x, ctx.family), bend.to(x.dtype), None


class _TransformedValue(Function):
    """As :class:`_Value`, in the form that the reverse mode and vmap of torch.func ask for."""

    backward = _Value.backward

    @staticmethod
    def forward(x: Tensor, family: Family) -> Tensor:
        return _dispatch.value(x, family)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Family], output: Tensor) -> None:
        x, ctx.family = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, family: Family) -> tuple[Tensor, Any]:
        return _TransformedValue.apply(x, family), in_dims[0]


class _TransformedSlope(Function):
    """As :class:`_SlopeProduct`, in the form that torch.func asks for."""

    backward = _SlopeProduct.backward

    @staticmethod
    def forward(grad: Tensor, x: Tensor, family: Family) -> Tensor:
        return _dispatch.slope_product(grad, x, family)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Family], output: Tensor) -> None:
        grad, x, ctx.family = inputs
        ctx.save_for_backward(grad, x)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], grad: Tensor, x: Tensor, family: Family) -> tuple[Tensor, int]:
        grad, x = (
            t.expand(info.batch_size, *t.shape) if d is None else t.movedim(d, 0)
            for t, d in zip((grad, x), in_dims[:2], strict=True)
        )
        return _TransformedSlope.apply(grad, x, family), 0


class _Handle(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.set_materialize_grads(False)  # only second derivatives send a gradient here
        return x.new_zeros(()).expand(x.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None) -> Tensor | None:
        return grad


class _Attach(Function):
    @staticmethod
    def forward(ctx: Any, handle: Tensor, x: Tensor) -> Tensor:
        ctx.dtype = handle.dtype
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.to(ctx.dtype), None
