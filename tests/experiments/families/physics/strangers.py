"""Custom activations, right and wrong, as a user may bring them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _Cube(torch.autograd.Function):
    """tanh(x)³ with its derivative, but for ``factor``; its forward mode is wrong."""

    factor = 1.0

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.tanh(x) ** 3

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @classmethod
    def slope(cls, x: Tensor) -> Tensor:
        y = torch.tanh(x)
        return 3 * y**2 * (1 - y**2) * cls.factor

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * _Cube.slope(ctx.saved_tensors[0])

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        return 7 * tangent


class _WrongCube(_Cube):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * _Cube.slope(ctx.saved_tensors[0]) * torch.where(ctx.saved_tensors[0] < 0, 1.01, 1.0)


class _Once(_Cube):
    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * _Cube.slope(ctx.saved_tensors[0])


class _Raises(_Cube):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        raise RuntimeError("the kernel has no second derivative\nand says so in two lines")


def raises(x: Tensor) -> Tensor:
    return _Raises.apply(x)


def wrong_forward_mode(x: Tensor) -> Tensor:
    return _Cube.apply(x)


def wrong_reverse_mode(x: Tensor) -> Tensor:
    return _WrongCube.apply(x)


def once(x: Tensor) -> Tensor:
    return _Once.apply(x)


def swash(x: Tensor, beta: float = 1.0) -> Tensor:
    """Right, with bends at -1 and 2."""
    return torch.where(x > 2, x, torch.where(x > -1, x * torch.sigmoid(beta * x), 0.25 * x))


def in_float32(x: Tensor) -> Tensor:
    return torch.tanh(x.float()).to(x.dtype)


def detached(x: Tensor) -> Tensor:
    """A value that passes no gradient on, beside one that does."""
    return torch.tanh(x) + torch.sin(x).detach()


def straight_through(x: Tensor) -> Tensor:
    return x + (torch.sign(x) - x).detach()


def over_units(x: Tensor) -> Tensor:
    return torch.softmax(x, -1)


def over_batch(x: Tensor) -> Tensor:
    return x - x.mean(0, keepdim=True)


def at_random(x: Tensor) -> Tensor:
    return torch.rrelu(x, training=True)
