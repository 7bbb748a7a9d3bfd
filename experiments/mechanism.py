"""What the activations of a network do: dead units, saturation, moments, and the gradient by depth.

Measured at evaluations on one fixed batch of training data, in evaluation mode, with gradients of the activations
alone. Neither parameters and their gradients, nor BatchNorm's statistics, nor any generator are touched: a run is bit
for bit the same with and without (``impl.mechanism``).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import gem
from experiments.tasks import Task

IMAGES, TOKENS = 256, 4096  # what the batch holds at most; of text at least one sequence
FLAT = 1e-3  # a slope below it counts as saturated; the leaks in use, 0.01 and more, do not
FIGURES = ("dead_units", "saturation", "activation_mean", "activation_variance", "activation_gradient")


class Probe:
    """Measures a task's model whenever it is called. The batch is the beginning of the first training batch,
    of the first process's share where several train together."""

    def __init__(self, task: Task, device: torch.device, bf16: bool) -> None:
        self.model = task.model
        kind: Any = type(task)
        self.loss = functools.partial(kind.loss, task)  # as it is before compilation, which passes over hooks
        self.autocast = functools.partial(torch.autocast, device.type, torch.bfloat16, enabled=bf16)
        batch = task.batch(0)
        rows = IMAGES if task.tokens_per_step is None else max(1, TOKENS // batch[0].shape[1])
        self.batch = tuple(tensor[:rows] for tensor in batch)

    def __call__(self) -> dict[str, Any]:
        """``FIGURES`` as means over the layers, and ``by_layer``: the same, layer by layer in the order of computation.

        What is not finite is None. Empty for a network without an activation of ``gem.ACTIVATIONS``.
        """
        training = self.model.training
        self.model.eval()
        try:
            with self.autocast():
                calls, loss = traced(self.model, functools.partial(self.loss, *self.batch))
            return summary(measure(calls, loss, len(self.batch[0])))
        finally:
            self.model.train(training)


Call = tuple[Tensor, Tensor]  # what went into an activation and what came out


def traced(model: nn.Module, loss: Callable[[], Tensor]) -> tuple[list[Call], Tensor]:
    """The loss and the calls of activations on the way to it; not those that the backward pass may repeat."""
    calls: list[Call] = []

    def remember(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append((inputs[0], output))

    handles = [module.register_forward_hook(remember) for module in model.modules() if type(module) in kinds()]
    try:
        return calls, loss()
    finally:
        for handle in handles:
            handle.remove()


@functools.cache
def kinds() -> frozenset[type]:
    """The classes of all activations but the identity, which networks also use where nothing is to be done."""
    return frozenset(type(gem.make_activation(name)) for name in gem.ACTIVATIONS) - {nn.Identity}


def measure(calls: list[Call], loss: Tensor, rows: int) -> dict[str, list[float]]:
    """``FIGURES`` of each call, for a ``loss`` that is a mean over ``rows`` examples."""
    if not calls:
        return {}
    tensors = [tensor for call in calls for tensor in call]
    gradients = torch.autograd.grad(loss, tensors, materialize_grads=True)
    with torch.no_grad():
        layers = [
            layer(x.float(), y.float(), dx.float(), dy.float(), rows)
            for (x, y), dx, dy in zip(calls, gradients[::2], gradients[1::2], strict=True)
        ]
        columns = torch.stack(layers).T.tolist()  # the one moment at which the device is waited for
    return dict(zip(FIGURES, columns, strict=True))


def layer(x: Tensor, y: Tensor, dx: Tensor, dy: Tensor, rows: int) -> Tensor:
    """``FIGURES`` of one activation y = f(x), x [B, C, H, W] or [B, …, C], with the gradients of the mean loss there.

    dead_units: share of the C channels in which the gradient at x is 0 everywhere in the batch.
    saturation: share of |f'(x)| < 0.001, among the places that any gradient reaches.
    activation_mean, activation_variance: of y, over everything.
    activation_gradient: √(mean over examples of the squared norm of the gradient of its own loss at x).
    """
    channel = 1 if x.ndim == 4 else x.ndim - 1
    dead = (dx == 0).all(dim=[axis for axis in range(x.ndim) if axis != channel])
    reached = dy != 0
    flat = reached & (dx.abs() < FLAT * dy.abs())
    variance, mean = torch.var_mean(y, correction=0)
    gradient = math.sqrt(rows) * torch.linalg.vector_norm(dx)
    return torch.stack([dead.float().mean(), flat.sum() / reached.sum(), mean, variance, gradient])


def summary(columns: dict[str, list[float]]) -> dict[str, Any]:
    if not columns:
        return {}
    means = {key: tidy(sum(values) / len(values)) for key, values in columns.items()}
    return means | {"by_layer": {key: [tidy(value) for value in values] for key, values in columns.items()}}


def tidy(value: float) -> float | None:
    """To six digits, which is more than one batch can say; JSON has no NaN."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
