"""A network whose weights carry a member dimension first: rows [k·B, (k+1)·B) of a batch belong to member k.

So a network's own forward runs unchanged over the images of all members at once, and only the layers with parameters
know of members. Each is one batched matrix product, or one pass over memory: ``vmap`` spends several times as much on
a CPU, where it turns a convolution into one with a group a member. Images are channels-last in memory. Results differ
from those of the usual kernels by rounding alone.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F  # noqa: N812

from experiments.errors import UserError


def stacked(model: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A copy of ``model`` that computes with ``tensors``: its parameters and buffers by name, members first.

    Raises UserError where a layer has parameters and no rule is known for it.
    """
    twin = copy.deepcopy(model)
    for prefix, module in twin.named_modules():
        names = [*module._parameters, *module._buffers]
        held = [name for name in names if getattr(module, name) is not None]
        if not held:
            continue
        if type(module) not in RULES or not known(module):
            raise UserError(f"impl.together=vectorised: no rule for {module}; use impl.together=interleaved")
        for name in held:
            delattr(module, name)
            setattr(module, name, tensors[f"{prefix}.{name}"])
        module.forward = functools.partial(RULES[type(module)], module)
    return twin


def separate(twin: nn.Module, models: Sequence[nn.Module], kind: type[nn.Module]) -> None:
    """Let every member's rows go through its own modules of type ``kind``, those of ``models``."""
    for name, module in twin.named_modules():
        if isinstance(module, kind):
            module.forward = functools.partial(by_member, [model.get_submodule(name) for model in models])


def by_member(modules: Sequence[nn.Module], x: Tensor) -> Tensor:
    return torch.cat([module(rows) for module, rows in zip(modules, x.chunk(len(modules)), strict=True)])


def known(module: nn.Module) -> bool:
    """Whether the layer is of the plain kind that its rule computes."""
    if isinstance(module, nn.Conv2d):
        pairs: Any = (module.kernel_size, module.stride, module.padding)
        return module.groups == 1 and module.dilation == (1, 1) and all(len(set(pair)) == 1 for pair in pairs)
    if isinstance(module, nn.BatchNorm2d):
        return module.affine and module.track_running_stats and module.momentum is not None
    return not isinstance(module, nn.LayerNorm) or (module.elementwise_affine and len(module.normalized_shape) == 1)


def linear(module: nn.Linear, x: Tensor) -> Tensor:
    """[K·B, in] → [K·B, out]"""
    members = len(module.weight)
    out = product(x.unflatten(0, (members, -1)), module.weight)
    return (out if module.bias is None else out + module.bias[:, None]).flatten(0, 1)


def convolution(module: nn.Conv2d, x: Tensor) -> Tensor:
    """[K·B, C, H, W] → [K·B, C', H', W']"""
    members = len(module.weight)
    size, stride, padding = module.kernel_size[0], module.stride[0], int(module.padding[0])
    columns = Columns.apply(x.permute(0, 2, 3, 1), size, stride, padding)
    shape = columns.shape[:3]
    weight = module.weight.permute(0, 1, 3, 4, 2).flatten(2)
    out = product(columns.flatten(3).view(members, -1, weight.shape[2]), weight)
    if module.bias is not None:
        out = out + module.bias[:, None]
    return out.view(*shape, -1).permute(0, 3, 1, 2)


def layer_norm(module: nn.LayerNorm, x: Tensor) -> Tensor:
    """[K·B, width], each row normalised, then each member's own scale and shift."""
    rows = F.layer_norm(x, module.normalized_shape, eps=module.eps).unflatten(0, (len(module.weight), -1))
    return torch.addcmul(module.bias[:, None], rows, module.weight[:, None]).flatten(0, 1)


def batch_norm(module: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """[K·B, C, H, W] in training, each member normalised by its own batch, in fp32; its running statistics follow."""
    members, shape = len(module.weight), x.permute(0, 2, 3, 1).shape
    rows = x.permute(0, 2, 3, 1).reshape(members, -1, shape[3])
    out, mean, variance = Normalised.apply(rows, module.weight[:, None], module.bias[:, None], module.eps)
    count, momentum = rows.shape[1], module.momentum
    assert momentum is not None
    assert module.running_mean is not None
    assert module.running_var is not None
    assert module.num_batches_tracked is not None
    with torch.no_grad():
        module.running_mean.lerp_(mean[:, 0], momentum)
        module.running_var.lerp_(variance[:, 0] * (count / (count - 1)), momentum)
        module.num_batches_tracked += 1
    return out.view(shape).permute(0, 3, 1, 2)


RULES: dict[type, Callable[..., Tensor]] = {
    nn.Linear: linear,
    nn.Conv2d: convolution,
    nn.LayerNorm: layer_norm,
    nn.BatchNorm2d: batch_norm,
}


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x Wᵀ of every member, [K, n, in] and [K, out, in] → [K, n, out]."""
    if torch.is_autocast_enabled(x.device.type):
        return x.bmm(weight.mT)
    out: Tensor = Product.apply(x, weight)
    return out


class Product(Function):
    """As ``x.bmm(weight.mT)``; the gradient of the weight comes out in its layout and need not be copied."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x.bmm(weight.mT)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        x, weight = ctx.saved_tensors
        return grad.bmm(weight) if ctx.needs_input_grad[0] else None, grad.mT.bmm(x)


class Normalised(Function):
    """Rows [K, n, C] to mean 0 and variance 1 over n, times ``weight`` plus ``bias`` [K, 1, C]; mean and variance."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        mean = x.float().mean(1, keepdim=True)
        unit = x - mean
        variance = unit.square().mean(1, keepdim=True)
        scale = (variance + eps).rsqrt()
        unit *= scale
        ctx.save_for_backward(unit, weight * scale)
        ctx.mark_non_differentiable(mean, variance)
        return torch.addcmul(bias, unit, weight).to(x.dtype), mean, variance

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        unit, factor = ctx.saved_tensors
        dtype, grad = grad.dtype, grad.float()
        weight, bias = (grad * unit).sum(1, keepdim=True), grad.sum(1, keepdim=True)
        x = torch.addcmul(grad - bias / grad.shape[1], unit, weight, value=-1 / grad.shape[1]).mul_(factor)
        return x.to(dtype), weight, bias, None


class Columns(Function):
    """[n, H, W, C] → [n, H', W', k, k, C]: for every output pixel the k × k input pixels it is made of."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, stride: int, padding: int) -> Tensor:
        ctx.shape, ctx.size, ctx.stride, ctx.padding = x.shape, size, stride, padding
        x = F.pad(x, (0, 0, padding, padding, padding, padding))
        return x.unfold(1, size, stride).unfold(2, size, stride).permute(0, 1, 2, 4, 5, 3).contiguous()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        x = grad.new_zeros(ctx.shape)
        for inner, outer in overlaps(ctx.shape[1:3], ctx.size, ctx.stride, ctx.padding):
            x[inner] += grad[outer]
        return x, None, None, None


Place = tuple[Any, ...]


def overlaps(sides: Sequence[int], size: int, stride: int, padding: int) -> list[tuple[Place, Place]]:
    """For each tap of the kernel the input pixels that it meets, and where they are among the columns."""
    along = [[reach(side, size, tap, stride, padding) for tap in range(size)] for side in sides]
    found = []
    for i, j in itertools.product(range(size), repeat=2):
        (rows, rows_out), (across, across_out) = along[0][i], along[1][j]
        found.append(((slice(None), rows, across), (slice(None), rows_out, across_out, i, j)))
    return found


def reach(side: int, size: int, tap: int, stride: int, padding: int) -> tuple[slice, slice]:
    """Along one axis: the inputs stride·o + tap - padding that exist, and the outputs o they belong to."""
    offset, count = tap - padding, (side + 2 * padding - size) // stride + 1
    first = max(0, -(offset // stride))
    last = min(count - 1, (side - 1 - offset) // stride)
    return slice(first * stride + offset, last * stride + offset + 1, stride), slice(first, last + 1)
