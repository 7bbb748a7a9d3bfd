"""GoLU with learned parameters: alpha·x·exp(-z) with z = beta·exp(-gamma·x).

Each of alpha, beta and gamma is the exponential of a parameter. Beside the parameters one tensor is saved, the input.
The derivatives of y by log alpha, log beta and log gamma are y, -y·z and gamma·x·y·z.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import handle_torch_function, has_torch_function

from gem._checks import check_floating
from gem._layouts import has_values, map_values
from gem._learnable import aligned, refuse_channels, wants_plain_operations
from gem.reference import gompertz_gated, widen


def learnable_golu(
    x: Tensor, log_alpha: Tensor, log_beta: Tensor, log_gamma: Tensor, channel_dim: int | None = None
) -> Tensor:
    """GoLU with alpha, beta and gamma = the exponentials of the three parameters.

    Each parameter has one element, or one for each index of dimension ``channel_dim``. Raises TypeError for an input
    that is not floating-point, and ValueError if the channels do not match the input.
    """
    out: Tensor
    parameters = (log_alpha, log_beta, log_gamma)
    if has_torch_function((x, *parameters)):
        out = handle_torch_function(learnable_golu, (x, *parameters), x, *parameters, channel_dim=channel_dim)
        return out
    check_floating(x)
    if has_values(x) and not torch.compiler.is_compiling():
        refuse_channels(channel_dim)
        return map_values(lambda values: learnable_golu(values, *parameters), x)
    log_alpha, log_beta, log_gamma = (aligned(p, x, channel_dim) for p in parameters)
    if wants_plain_operations():
        alpha, beta, gamma, low, high = _numbers(x, log_alpha, log_beta, log_gamma)
        return gompertz_gated(x, alpha, beta, gamma, low, high)
    out = _LearnableGoLU.apply(x, log_alpha, log_beta, log_gamma)
    return out


def _numbers(x: Tensor, log_alpha: Tensor, log_beta: Tensor, log_gamma: Tensor) -> tuple[Tensor, ...]:
    """alpha, beta, gamma and the two limits of the gate, in the dtype of the computation for ``x``."""
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    alpha, beta, gamma = (p.to(dtype).exp() for p in (log_alpha, log_beta, log_gamma))
    low = (log_beta.detach().to(dtype) - math.log(800)) / gamma.detach()
    return alpha, beta, gamma, low, low + (800 + math.log(800)) / gamma.detach()


class _LearnableGoLU(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, log_alpha: Tensor, log_beta: Tensor, log_gamma: Tensor) -> Tensor:
        ctx.save_for_backward(x, log_alpha, log_beta, log_gamma)
        alpha, beta, gamma, low, high = _numbers(x, log_alpha, log_beta, log_gamma)
        return gompertz_gated(x, alpha, beta, gamma, low, high)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        x, *parameters = ctx.saved_tensors
        alpha, beta, gamma, low, high = _numbers(x, *parameters)
        wide = widen(x)
        above = torch.where(wide < low, low, wide)
        near = torch.where(above > high, high, above)
        y = gamma * near
        z = beta * torch.exp(-y)
        through_gate = widen(grad) * (alpha * torch.exp(-z))
        bend = through_gate * near * z
        by = (through_gate * above, -bend, bend * y)
        by_parameters = (b.sum_to_size(p.shape).to(p.dtype) for b, p in zip(by, parameters, strict=True))
        return (through_gate * (1 + y * z)).to(grad.dtype), *by_parameters
