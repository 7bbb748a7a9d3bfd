"""The loss around a trained network, over a plane of two random directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from experiments.randomness import generator

Direction = list[Tensor]


def direction(model: nn.Module, name: str, kind: str = "filter") -> Direction:
    """A random direction, a function of ``name`` and the shapes: networks of one architecture share the draw.

    ``kind``: one of DIRECTIONS. "filter" scales it to the norm of each filter, "global" to the norm 1.
    """
    parameters = list(model.parameters())
    draws = [
        torch.randn(p.shape, generator=generator(0, "direction", name, number)).to(p)
        for number, p in enumerate(parameters)
    ]
    return DIRECTIONS[kind](parameters, draws)


def filter_direction(parameters: Sequence[Tensor], draws: Direction) -> Direction:
    """Each filter of ``draws`` scaled to the norm of its weights; 0 for biases and normalisation parameters.

    A filter is the set of weights of one output channel of a convolution, or of one output of a linear layer.
    Source: Li et al. (2018), Visualizing the loss landscape of neural nets (arXiv:1712.09913), section 4.
    """
    found = []
    for p, draw in zip(parameters, draws, strict=True):
        if p.ndim < 2:
            found.append(torch.zeros_like(p))
            continue
        lengths = [t.detach().flatten(1).norm(dim=1) for t in (p, draw)]
        found.append(draw * (lengths[0] / lengths[1]).view(-1, *[1] * (p.ndim - 1)))
    return found


def global_direction(parameters: Sequence[Tensor], draws: Direction) -> Direction:
    """``draws`` scaled to the Euclidean norm 1 over all parameters, which does not depend on their values.

    Source: the public code of GoLU (arXiv:2502.03654), visualizations/loss_landscapes.
    """
    length = torch.stack([draw.square().sum() for draw in draws]).sum().sqrt()
    return [draw / length for draw in draws]


DIRECTIONS: dict[str, Callable[[Sequence[Tensor], Direction], Direction]] = {
    "filter": filter_direction,
    "global": global_direction,
}


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
