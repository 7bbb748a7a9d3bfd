"""Observes the activations of a network: dead units, saturation, moments, and the gradient by depth.

It measures at evaluations on one fixed batch of training data, in evaluation mode, with gradients of the activations
only. Parameters, their gradients, BatchNorm's statistics and generators do not change. So a run is bit for bit the same
with and without it (``impl.mechanism``).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from experiments.families.task import Task
from experiments.precision import autocast

FLAT = 1e-3  # smaller slopes count as saturated; the leaks in use, 0.01 and more, do not
FIGURES = ("dead_units", "saturation", "activation_mean", "activation_variance", "activation_gradient")


class Probe:
    """Observes a task's model at every call, on the batch that the task chooses."""

    def __init__(self, task: Task[Any], device: torch.device, bf16: bool) -> None:
        self.task, self.model = task, task.model
        self.device, self.bf16 = device, bf16
        self.batch = task.probe_batch()

    def __call__(self) -> dict[str, Any]:
        """``FIGURES`` as means over the layers, and ``by_layer``: the same, layer by layer in the order of computation.

        Values that are not finite are None. Empty for a network without a module of the task's activation.
        """
        training = self.model.training
        self.model.eval()
        try:
            with autocast(self.device, self.bf16):
                loss_of_batch = functools.partial(self.task.probe_loss, self.batch)
                calls, loss = observe_calls(self.model, self.task.activation_type, loss_of_batch)
            axes = [self.axis(x, module) for x, _, module in calls]
            return summarise_layers(measure_calls(calls, loss, self.task.examples(self.batch), axes))
        finally:
            self.model.train(training)

    def axis(self, x: Tensor, module: nn.Module) -> int:
        """The axis of ``x``, the input of the activation ``module``, that counts units."""
        return x.ndim - 1 if module in self.task.units_last else self.task.channel_axis(x)


Call = tuple[Tensor, Tensor, nn.Module]  # input of an activation, its output, and the activation


def observe_calls(
    model: nn.Module, activation: type[nn.Module], loss: Callable[[], Tensor]
) -> tuple[list[Call], Tensor]:
    """The calls of modules of type ``activation`` in the forward pass, and the loss.

    Calls that the backward pass may repeat are not included.
    """
    calls: list[Call] = []

    def remember(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append((inputs[0], output, module))

    handles = [module.register_forward_hook(remember) for module in model.modules() if type(module) is activation]
    try:
        return calls, loss()
    finally:
        for handle in handles:
            handle.remove()


def measure_calls(calls: list[Call], loss: Tensor, examples: int, axes: list[int]) -> dict[str, list[float]]:
    """``FIGURES`` of each call, for a ``loss`` that is a mean over ``examples``. ``axes`` are the units' axes."""
    if not calls:
        return {}
    tensors = [tensor for x, y, _ in calls for tensor in (x, y)]
    gradients = torch.autograd.grad(loss, tensors, materialize_grads=True)
    with torch.no_grad():
        layers = [
            measure_layer(x.float(), y.float(), dx.float(), dy.float(), examples, axis)
            for (x, y, _), dx, dy, axis in zip(calls, gradients[::2], gradients[1::2], axes, strict=True)
        ]
        columns = torch.stack(layers).T.tolist()  # the only wait for the device
    return dict(zip(FIGURES, columns, strict=True))


def measure_layer(x: Tensor, y: Tensor, dx: Tensor, dy: Tensor, examples: int, axis: int) -> Tensor:
    """``FIGURES`` of one activation y = f(x) with units along ``axis``, and with the gradients of the mean loss.

    dead_units: share of the units at which the gradient at x is 0 everywhere in the batch.
    saturation: share of |f'(x)| < 0.001, among the places that any gradient reaches.
    activation_mean, activation_variance: of y, over all its elements.
    activation_gradient: √(mean over examples of the squared norm of the gradient of its own loss at x).
    """
    dead = (dx == 0).all(dim=[other for other in range(x.ndim) if other != axis])
    reached = dy != 0
    flat = reached & (dx.abs() < FLAT * dy.abs())
    variance, mean = torch.var_mean(y, correction=0)
    gradient = math.sqrt(examples) * torch.linalg.vector_norm(dx)
    return torch.stack([dead.float().mean(), flat.sum() / reached.sum(), mean, variance, gradient])


def summarise_layers(columns: dict[str, list[float]]) -> dict[str, Any]:
    if not columns:
        return {}
    means = {key: rounded(sum(values) / len(values)) for key, values in columns.items()}
    return means | {"by_layer": {key: [rounded(value) for value in values] for key, values in columns.items()}}


def rounded(value: float) -> float | None:
    """``value`` with six digits, more than one batch determines; None if it is not finite, as JSON has no NaN."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
