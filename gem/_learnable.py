"""A learned scale: α·f(x/α) with α = exp(log_alpha), one for the layer or one for each channel.

Beside the parameter one tensor is saved: the input or the output. The derivative by log_alpha is f(x) - x·f'(x).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import handle_torch_function, has_torch_function

from gem import _dispatch
from gem._autograd import attach, handle_of, is_in_forward_mode
from gem._checks import check_floating
from gem._closed_forms import Gated
from gem._inverse import preimage
from gem._layouts import has_values, map_values
from gem._pieces import PIECE
from gem._scale import scale_of
from gem.reference import gated_leaky, widen


def learnable_gem(
    x: Tensor,
    log_alpha: Tensor,
    N: int = 1,
    negative_slope: float = 0.0,
    channel_dim: int | None = None,
    save: str = "input",
) -> Tensor:
    """α·f(x/α) with α = exp(log_alpha) and f = SE-GEM of eps = 1. Differentiable by ``x`` and ``log_alpha``.

    ``log_alpha`` has one element, or one for each index of dimension ``channel_dim``. Raises TypeError for an input
    that is not floating-point, and ValueError if the channels do not match the input.
    """
    out: Tensor
    if has_torch_function((x, log_alpha)):
        settings: Any = {"N": N, "negative_slope": negative_slope, "channel_dim": channel_dim, "save": save}
        out = handle_torch_function(learnable_gem, (x, log_alpha), x, log_alpha, **settings)
        return out
    check_floating(x)
    if has_values(x) and not torch.compiler.is_compiling():
        refuse_channels(channel_dim)
        return map_values(lambda values: learnable_gem(values, log_alpha, N, negative_slope, None, save), x)
    log_alpha = aligned(log_alpha, x, channel_dim)
    if wants_plain_operations():
        return gated_leaky(x, N, 1.0, _factor(log_alpha, x), negative_slope or None)
    handle = handle_of(x) if save == "output" and x.requires_grad and torch.is_grad_enabled() else None
    out = _Scaled.apply(x, log_alpha, handle, N, negative_slope)
    return out


def wants_plain_operations() -> bool:
    """Whether a tracer must see each operation, or the kind of differentiation excludes autograd functions."""
    return (
        torch.compiler.is_compiling()
        or is_in_forward_mode()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
    )


def refuse_channels(channel_dim: int | None) -> None:
    """Raise TypeError if ``channel_dim`` is given: a sparse or nested tensor has no channels to scale."""
    if channel_dim is not None:
        raise TypeError("channels must be None for a sparse or nested tensor, whose values have no such dimension")


def aligned(parameter: Tensor, x: Tensor, channel_dim: int | None) -> Tensor:
    """``parameter`` in a shape that broadcasts against ``x``. Raises ValueError if the sizes do not match."""
    if channel_dim is None:
        return parameter.reshape(())
    at = channel_dim if channel_dim >= 0 else x.dim() + channel_dim
    fits = 0 <= at < x.dim() and (torch.jit.is_tracing() or x.shape[at] == parameter.shape[0])
    if not fits:
        shape, channels = tuple(x.shape), parameter.shape[0]
        raise ValueError(f"channels must be the size of dimension {channel_dim} of an input {shape}, got {channels}")
    return parameter.view(-1, *(1,) * (x.dim() - 1 - at))


def _factor(log_alpha: Tensor, x: Tensor) -> Tensor:
    """1/α in the dtype of the computation for ``x``."""
    return torch.exp(-log_alpha.to(torch.float64 if x.dtype == torch.float64 else torch.float32))


class _Scaled(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, log_alpha: Tensor, handle: Tensor | None, N: int, slope: float) -> Tensor:
        ctx.N, ctx.slope = N, slope
        if _is_one_number(x, log_alpha):
            y = _dispatch.value(x, _with_numbers(log_alpha, N, slope))
        elif _dispatch.is_plain_cpu(x):
            y = torch.empty_like(x)
            for x_part, y_part in _pieces(log_alpha, x, y):
                y_part.copy_(gated_leaky(x_part, N, 1.0, _factor(log_alpha, x), slope or None))
        else:
            y = gated_leaky(x, N, 1.0, _factor(log_alpha, x), slope or None)
        ctx.save_for_backward(x if handle is None else y, log_alpha, handle)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        saved, log_alpha, handle = ctx.saved_tensors
        if torch.is_grad_enabled() or is_in_forward_mode() or not _dispatch.is_plain_cpu(saved, grad):
            by_x, by_log_alpha = _gradients(grad, saved, log_alpha, handle, ctx)
            return by_x.to(grad.dtype), by_log_alpha.to(log_alpha.dtype), None, None, None
        if handle is None and _is_one_number(saved, log_alpha):
            family = _with_numbers(log_alpha, ctx.N, ctx.slope)
            by_x = _dispatch.slope_product(grad, saved, family)
            return by_x, _dispatch.log_scale_sum(grad, saved, family).to(log_alpha.dtype), None, None, None
        by_x = torch.empty_like(grad)
        by_log_alpha = torch.zeros_like(log_alpha, dtype=widen(grad).dtype)
        for grad_part, saved_part, by_x_part in _pieces(log_alpha, grad, saved, by_x):
            by_x_piece, by_log_alpha_piece = _gradients(grad_part, saved_part, log_alpha, handle, ctx)
            by_x_part.copy_(by_x_piece)
            by_log_alpha += by_log_alpha_piece
        return by_x, by_log_alpha.to(log_alpha.dtype), None, None, None


def _is_one_number(x: Tensor, log_alpha: Tensor) -> bool:
    """Whether α can be read without waiting for a device, so that the kernels of a fixed scale apply."""
    return log_alpha.dim() == 0 and log_alpha.device.type == "cpu" and _dispatch.is_plain_cpu(x)


def _with_numbers(log_alpha: Tensor, N: int, slope: float) -> Gated:
    return Gated(*scale_of(log_alpha.item(), N), slope)


def _gradients(
    grad: Tensor, saved: Tensor, log_alpha: Tensor, handle: Tensor | None, ctx: Any
) -> tuple[Tensor, Tensor]:
    """Gradients by x and log_alpha, in float32 or float64; differentiable if gradients are enabled."""
    x, wide, factor = widen(saved), widen(grad), _factor(log_alpha, saved)
    if handle is not None:
        x = preimage(x.detach() * factor.detach(), Gated(ctx.N, 1.0, 1.0, ctx.slope)) / factor.detach()
        x = attach(handle, x) if torch.is_grad_enabled() else x
    family = Gated(ctx.N, 1.0, factor, ctx.slope)
    return wide * family.derivative(x), (wide * family.log_scale_derivative(x)).sum_to_size(log_alpha.shape)


def _pieces(log_alpha: Tensor, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Views of about one piece of each tensor; ``log_alpha`` broadcasts with them as with the whole tensors."""
    if log_alpha.dim() == 0 and all(t.is_contiguous() for t in tensors):
        tensors = tuple(t.view(-1) for t in tensors)
    if tensors[0].dim() == 0 or log_alpha.dim() == tensors[0].dim():
        return iter([tensors])
    rows = max(1, PIECE * torch.get_num_threads() // max(1, tensors[0][:1].numel()))
    return zip(*(t.split(rows) for t in tensors), strict=True)
