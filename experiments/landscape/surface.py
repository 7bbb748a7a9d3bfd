"""The loss around a trained network, over a plane of two random directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from experiments.randomness import generator

Direction = list[Tensor]


def direction(model: nn.Module, name: str, kind: str = "filter") -> Direction:
    """A random direction, a function of ``name`` and the shapes: networks of one architecture share the draw.

    ``kind``: "filter" scales it to the norm of each filter, "global" to the Euclidean norm 1 over all weights.
    """
    return filter_direction(model, name) if kind == "filter" else global_direction(model, name)


def global_direction(model: nn.Module, name: str) -> Direction:
    """A Gaussian direction over all parameters, of norm 1: the same for every network of one architecture.

    Source: the public code of GoLU (arXiv:2502.03654), visualizations/loss_landscapes.
    """
    draws = [
        torch.randn(p.shape, generator=generator(0, "direction", name, number)).to(p)
        for number, p in enumerate(model.parameters())
    ]
    length = torch.stack([draw.square().sum() for draw in draws]).sum().sqrt()
    return [draw / length for draw in draws]


def filter_direction(model: nn.Module, name: str) -> Direction:
    """A Gaussian direction, each filter scaled to the norm of its weights; 0 for biases and normalisation parameters.

    A filter is the set of weights of one output channel of a convolution, or of one output of a linear layer.
    Source: Li et al. (2018), Visualizing the loss landscape of neural nets (arXiv:1712.09913), section 4.
    """
    found = []
    for number, p in enumerate(model.parameters()):
        if p.ndim < 2:
            found.append(torch.zeros_like(p))
            continue
        draw = torch.randn(p.shape, generator=generator(0, "direction", name, number)).to(p)
        lengths = [t.detach().flatten(1).norm(dim=1) for t in (p, draw)]
        found.append(draw * (lengths[0] / lengths[1]).view(-1, *[1] * (p.ndim - 1)))
    return found


def surface(
    model: nn.Module, loss: Callable[[], float], points: int, span: float, kind: str = "filter"
) -> Iterator[list[float]]:
    """``loss()`` at θ + aδ + bη, row by row: b from -span to span, and in each row a likewise, ``points`` values each.

    δ and η are the directions "x" and "y" of ``kind``. The parameters are restored bit for bit, also if the caller
    stops early.
    """
    parameters = list(model.parameters())
    centre = [p.detach().clone() for p in parameters]
    x, y = direction(model, "x", kind), direction(model, "y", kind)
    steps = torch.linspace(-span, span, points).tolist()
    try:
        for b in steps:
            row = []
            for a in steps:
                move_parameters(parameters, centre, x, y, a, b)
                row.append(loss())
            yield row
    finally:
        move_parameters(parameters, centre, x, y, 0.0, 0.0)


@torch.no_grad()
def move_parameters(
    parameters: list[nn.Parameter], centre: list[Tensor], x: Direction, y: Direction, a: float, b: float
) -> None:
    for p, c, dx, dy in zip(parameters, centre, x, y, strict=True):
        p.copy_(c + a * dx + b * dy if a or b else c)
