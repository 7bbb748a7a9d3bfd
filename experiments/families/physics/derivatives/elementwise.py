"""Derivatives of an activation, of any order, at every element."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def elementwise_derivatives(activation: Callable[[Tensor], Tensor], x: Tensor, order: int) -> list[Tensor]:
    """f(x), f'(x), …, f⁽ᵒʳᵈᵉʳ⁾(x), tensors like ``x``, by nested reverse mode.

    Correct for every f that acts on each element alone and that autograd can differentiate ``order`` times. At a kink
    it gives autograd's value. The results are differentiable by x and by f's own parameters.
    """
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        found = [activation(x)]
        ones = torch.ones_like(x)
        for _ in range(order):
            found.append(differentiate(found[-1], x, ones))
    return found


def differentiate(y: Tensor, x: Tensor, ones: Tensor) -> Tensor:
    """dy/dx; 0 if y does not depend on x."""
    if not y.requires_grad:
        return torch.zeros_like(x)
    (found,) = torch.autograd.grad(y, x, ones, create_graph=True, materialize_grads=True)
    return found
