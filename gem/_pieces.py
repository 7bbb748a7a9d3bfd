"""CPU eager kernels in plain torch: a few in-place operations on pieces that stay in the cache.

One pass over main memory reads the inputs and writes the result, whatever the number of operations, and the
temporaries are one piece long. Of 2^13 to 2^18 elements a thread, 2^17 and more were fastest: smaller pieces cost
Python overhead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gem._closed_forms import Family, Gated, Gompertz
from gem._inverse import derivative_at

PIECE = 1 << 17
_aten = torch.ops.aten


class Piece(NamedTuple):
    """What a kernel works on: pieces of the inputs and the result, one piece of scratch, and one of ones."""

    inputs: list[Tensor]
    out: Tensor
    work: Tensor
    ones: Tensor


def value(x: Tensor, family: Family) -> Tensor:
    """f(x), in the type and memory layout of ``x``."""
    out, pieces = _pieces(x)
    for piece in pieces:
        if isinstance(family, Gated):
            _gated_value(piece, family)
        else:
            _golu_value(piece, family)
    return out


def slope_product(grad: Tensor, x: Tensor, family: Family) -> Tensor:
    """grad·f'(x), in the type and memory layout of ``x``."""
    out, pieces = _pieces(x, grad)
    for piece in pieces:
        if isinstance(family, Gated):
            _gated_slope_product(piece, family)
        else:
            _golu_slope_product(piece, family)
    return out


def slope_product_at(grad: Tensor, y: Tensor, family: Gated) -> Tensor:
    """grad·f'(x) where f(x) = ``y``, in the type and memory layout of ``y``."""
    out, pieces = _pieces(y, grad)
    for piece in pieces:
        torch.mul(piece.inputs[1], derivative_at(piece.inputs[0], family), out=piece.out)
    return out


def _pieces(*inputs: Tensor) -> tuple[Tensor, Iterator[Piece]]:
    """An empty result, and an iterator over the pieces, half types widened to float32."""
    out = torch.empty_like(inputs[0])
    if any(t.stride() != out.stride() for t in inputs):
        out = torch.empty_like(out, memory_format=torch.contiguous_format)
        inputs = tuple(t.contiguous() for t in inputs)
    flat = [t.as_strided((out.numel(),), (1,)) for t in (*inputs, out)]
    return out, _iterate(flat)


def _iterate(flat: list[Tensor]) -> Iterator[Piece]:
    dtype, numel = flat[0].dtype, flat[0].numel()
    size = max(1, min(numel, PIECE * torch.get_num_threads()))
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    work, ones = torch.empty(size, dtype=wide, device="cpu"), torch.ones(size, dtype=wide, device="cpu")
    buffers = [torch.empty_like(work) for _ in flat] if dtype != wide else []
    for parts in zip(*(t.split(size) for t in flat), strict=True):
        *inputs, out = parts
        n = out.numel()
        if not buffers:
            yield Piece(inputs, out, work[:n], ones[:n])
            continue
        *widened, result = (b[:n] for b in buffers)
        yield Piece([b.copy_(t) for b, t in zip(widened, inputs, strict=True)], result, work[:n], ones[:n])
        out.copy_(result)


def _power(x: Tensor, target: Tensor, scratch: Tensor, family: Gated) -> None:
    """target ← (s·x)^(2N); ``scratch`` is overwritten."""
    if family.s != 1:
        x = torch.mul(x, family.s, out=target)
    torch.mul(x, x, out=target)
    if family.N & (family.N - 1):
        scratch.copy_(target)
    for bit in bin(family.N)[3:]:
        target.mul_(target)
        if bit == "1":
            target.mul_(scratch)


def _add_quotient(k: float, c: float, v: Tensor, ones: Tensor) -> None:
    """v ← k + c / v in one operation; its kernel is fast with one broadcast scalar, not with two: hence the ones."""
    torch.addcdiv(torch.tensor(k, dtype=v.dtype, device="cpu"), ones, v, value=c, out=v)


def _gated_value(piece: Piece, family: Gated) -> None:
    """relu(x) / (1 + c/v): an infinite v or c/v gives the right limit, so no clamp is needed."""
    (x,), out, v, ones = piece
    _power(x, v, out, family)
    _add_quotient(1.0, family.c, v, ones)
    if family.slope == 0:
        torch.clamp_min(x, 0, out=out)
    else:
        _aten.leaky_relu.out(x, family.slope, out=out)
    out.div_(v)


def _gated_slope_product(piece: Piece, family: Gated) -> None:
    """With ρ = k·r, k = 2N/(2N+1): r·(1 + 2N·(1 - r)) = (2N+1)²/(2N)·ρ·(1 - ρ), a fused operation of torch."""
    (x, grad), out, v, ones = piece
    order = 2 * family.N
    inverse_k = (order + 1) / order
    _power(x, v, out, family)
    _add_quotient(inverse_k, family.c * inverse_k, v, ones)
    rho = v.reciprocal_()
    if family.slope == 0:
        _aten.threshold_backward.grad_input(grad, x, 0, grad_input=out)
    else:
        _aten.leaky_relu_backward.grad_input(grad, x, family.slope, False, grad_input=out)
    _aten.sigmoid_backward.grad_input(out, rho, grad_input=out)
    out.mul_((order + 1) ** 2 / order)


def _golu_value(piece: Piece, family: Gompertz) -> None:
    (x,), out, work, _ = piece
    low, high = family.limits
    torch.clamp(x, low, high, out=work)
    work.mul_(-family.gamma).exp_().mul_(-family.beta).exp_()
    torch.clamp_min(x, low, out=out)
    out.mul_(work)
    if family.alpha != 1:
        out.mul_(family.alpha)


def _golu_slope_product(piece: Piece, family: Gompertz) -> None:
    (x, grad), out, work, _ = piece
    low, high = family.limits
    torch.clamp(x, low, high, out=work)
    if family.gamma != 1:
        work.mul_(family.gamma)
    torch.neg(work, out=out).exp_()
    if family.beta != 1:
        out.mul_(family.beta)
    work.mul_(out).add_(1)
    out.neg_().exp_().mul_(work).mul_(grad)
    if family.alpha != 1:
        out.mul_(family.alpha)
