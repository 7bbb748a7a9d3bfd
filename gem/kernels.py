"""Which implementation computes: the one place where it is chosen."""

from __future__ import annotations

import torch
from torch import Tensor

from gem import blocked
from gem.closed_forms import Family, Gated
from gem.functional import widen
from gem.inverse import derivative_at


def value(x: Tensor, family: Family) -> Tensor:
    """f(x)."""
    if _is_plain_cpu(x):
        return blocked.value(x, family)
    return family.value(x)


def slope_product(grad: Tensor, x: Tensor, family: Family) -> Tensor:
    """grad·f'(x)."""
    if _is_plain_cpu(grad, x):
        return blocked.slope_product(grad, x, family)
    return (widen(grad) * family.derivative(widen(x))).to(x.dtype)


def slope_product_at(grad: Tensor, y: Tensor, family: Family) -> Tensor:
    """grad·f'(x) where f(x) = ``y``."""
    assert isinstance(family, Gated)
    if _is_plain_cpu(grad, y):
        return blocked.slope_product_at(grad, y, family)
    return (widen(grad) * derivative_at(widen(y), family)).to(y.dtype)


def _is_plain_cpu(*tensors: Tensor) -> bool:
    """Whether pieces can be viewed and written in place."""
    return all(t.device.type == "cpu" and _is_plain(t) for t in tensors)


def _is_plain(x: Tensor) -> bool:
    """No subclass (fake, distributed, …) and not inside vmap: those want plain operations."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(x) or torch._C._functorch.is_legacy_batchedtensor(x)
    return type(x) in (Tensor, torch.nn.Parameter) and not wrapped
