"""BatchNorm of a network that several processes train: it gives the result of one process."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from experiments.errors import UserError
from experiments.families.share import Share
from experiments.processes import Processes

BATCH_NORM = nn.modules.batchnorm._BatchNorm
WITH_ACTIVATION = "timm.layers.norm_act.BatchNormAct2d"  # a BatchNorm2d that ends in its modules ``drop`` and ``act``


def has_batch_norm(network: nn.Module) -> bool:
    return any(isinstance(module, BATCH_NORM) for module in network.modules())


def share_batch_norm(network: nn.Module, processes: Processes, share: Share) -> None:
    """Replace every BatchNorm by a shared layer if there are several processes. Names and values stay the same.

    Raises UserError for a library's layer with a normalisation of its own.
    """
    if processes.count == 1:
        return
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, BATCH_NORM) and not isinstance(layer, SharedBatchNorm):
                setattr(parent, name, shared_layer(layer, processes, share.whole))


def shared_layer(layer: nn.modules.batchnorm._BatchNorm, processes: Processes, whole: bool) -> SharedBatchNorm:
    kind = f"{type(layer).__module__}.{type(layer).__qualname__}"
    if kind == WITH_ACTIVATION:
        return SharedBatchNormAct(layer, processes, whole)
    if type(layer) not in (nn.BatchNorm1d, nn.BatchNorm2d):
        raise UserError(
            f"{kind}: {processes.count} processes were started, but cannot share the statistics of this layer; "
            f"start one process a run"
        )
    return SharedBatchNorm(layer, processes, whole)


class SharedBatchNorm(BATCH_NORM):
    """``nn.BatchNorm1d`` or ``nn.BatchNorm2d`` with the parameters, buffers and names of ``layer``.

    If a process trains ``whole`` parts of a batch, each part is normalised on its own. The running statistics then
    move by the parts of all processes, in the order of ranks. Otherwise a part is spread over the processes. Let each
    have n values a channel with mean m and variance v, and N = Σ n. The part is normalised by the mean M = Σ n m / N
    and the variance Σ n (v + (m - M)²) / N, which is free of cancellation (Chan, Golub and LeVeque 1979).
    In evaluation mode it is torch's BatchNorm.
    """

    def __init__(self, layer: nn.modules.batchnorm._BatchNorm, processes: Processes, whole: bool) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum, False, layer.track_running_stats)
        self.affine, self.weight, self.bias = layer.affine, layer.weight, layer.bias
        self.running_mean, self.running_var = layer.running_mean, layer.running_var
        self.num_batches_tracked = layer.num_batches_tracked
        self.processes, self.whole = processes, whole
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` [B, C, …], floating-point, normalised by channel."""
        if not self.training:
            own = self.running_mean is None
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, own, 0.0, self.eps)
        return self.normalise_alone(x) if self.whole else self.normalise_together(x)

    def normalise_alone(self, x: Tensor) -> Tensor:
        like = x if self.running_mean is None else self.running_mean
        mean, variance = like.new_zeros(2, self.num_features).unbind()
        # With a momentum of 1 the running statistics become those of ``x``.
        y = F.batch_norm(x, mean, variance, self.weight, self.bias, True, 1.0, self.eps)
        for each in self.processes.stack(torch.stack([mean, variance])):
            self.move(*each)
        return y

    def normalise_together(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            statistics = torch.batch_norm_update_stats(at_least_float(x), None, None, 0.0)
            count = x.new_full((1,), x.numel() // x.shape[1], dtype=torch.float64)
            every = self.processes.stack(torch.cat([*(value.double() for value in statistics), count]))
            counts, (means, variances) = every[:, -1:], every[:, :-1].chunk(2, 1)
            total = counts.sum()
            mean = (counts * means).sum(0) / total
            variance = (counts * (variances + (means - mean).square())).sum(0) / total
            self.move(mean, variance * total / (total - 1))
            mean, variance = mean.to(statistics[0].dtype), variance.to(statistics[0].dtype)
        y: Tensor = Normalisation.apply(x, self.weight, self.bias, mean, variance, total, self.eps, self.processes)
        return y

    @torch.no_grad()
    def move(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards those of a part. ``variance`` has the denominator N - 1."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        factor = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), factor)
        self.running_var.lerp_(variance.to(self.running_var.dtype), factor)


class SharedBatchNormAct(SharedBatchNorm):
    """timm's BatchNorm with dropout and activation after it."""

    drop: nn.Module
    act: nn.Module

    def __init__(self, layer: nn.modules.batchnorm._BatchNorm, processes: Processes, whole: bool) -> None:
        super().__init__(layer, processes, whole)
        for name in ("drop", "act"):
            setattr(self, name, getattr(layer, name))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.drop(super().forward(x)))
        return y


class Normalisation(torch.autograd.Function):
    """y = (x - mean) / √(variance + ε)·weight + bias with statistics over all processes, which depend on every x.

    Let ŷ = (x - mean) / √(variance + ε), and let g be the gradient at y. Sums are over the N values of all processes.
    The gradient at x is weight / √(variance + ε)·(g - Σ g / N - ŷ Σ g ŷ / N). The gradients at weight and bias are the
    process's own Σ g ŷ and Σ g, because gradients of parameters are summed over the processes afterwards.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        total: Tensor,
        eps: float,
        processes: Processes,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance, total)
        ctx.eps, ctx.processes = eps, processes
        return F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance, total = ctx.saved_tensors
        axes, shape = [0, *range(2, x.ndim)], [1, -1] + [1] * (x.ndim - 2)
        gradient, scale = at_least_float(gradients[0]), (variance + ctx.eps).rsqrt()
        normal = (at_least_float(x) - mean.view(shape)) * scale.view(shape)
        own = torch.stack([gradient.sum(axes), (gradient * normal).sum(axes)])
        means = (ctx.processes.sum(own.clone()) / total).to(own.dtype)
        slope = scale if weight is None else scale * weight
        dx = slope.view(shape) * (gradient - means[0].view(shape) - normal * means[1].view(shape))
        known = (own[1], own[0]) if weight is not None else (None, None)
        return dx.to(x.dtype), *known, None, None, None, None, None


def at_least_float(x: Tensor) -> Tensor:
    """``x`` in float32 if it is half precision, because statistics need the digits."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
