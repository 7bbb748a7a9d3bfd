"""The points where the loss is evaluated, in each of many equal cells of the domain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
import torch
from torch import Tensor

from experiments.errors import UserError
from experiments.families.physics.problems.problem import Axis

GAUSS = 4  # points of a cell along each axis: exact for polynomials of degree 7


def cells_per_axis(count: int, axes: int, key: str) -> int:
    """The cells along each axis. Raises UserError if ``count``, the value of ``key``, gives no equal number."""
    side: int = round(count ** (1 / axes))
    if side**axes != count:
        raise UserError(
            f"{key}={count}: must be a square for a problem with {axes} axes, such as {side**axes} = {side}²"
        )
    return side


def collocation_points(
    axes: Sequence[Axis], count: int, generator: torch.Generator | None, key: str = "recipe.points"
) -> Tensor:
    """Float64 [count, axes]: a uniform random point in each cell, or its centre without a ``generator``.

    ``key`` is the configuration key that gave ``count``; error messages name it.
    """
    side = cells_per_axis(count, len(axes), key)
    corners = cell_corners(side, len(axes))
    within = 0.5 if generator is None else torch.rand(corners.shape, generator=generator, dtype=torch.float64)
    return in_domain(axes, corners + within, side)


def gauss_points(axes: Sequence[Axis], count: int, key: str) -> tuple[Tensor, Tensor]:
    """The Gauss–Legendre rule in each of ``count`` cells: float64 points [P, axes], and weights [P] with the sum 1."""
    side = cells_per_axis(count, len(axes), key)
    nodes, weights = (torch.from_numpy(values) for values in numpy.polynomial.legendre.leggauss(GAUSS))
    within = lattice((nodes + 1) / 2, len(axes))
    shares = lattice(weights / 2, len(axes)).prod(1)
    positions = (cell_corners(side, len(axes)).unsqueeze(1) + within).flatten(0, 1)
    return in_domain(axes, positions, side), shares.repeat(count) / count


def cell_corners(side: int, axes: int) -> Tensor:
    """The lower corner of each of ``side`` × … × ``side`` cells, in cells from the domain's corner: [cells, axes]."""
    return lattice(torch.arange(side, dtype=torch.float64), axes)


def lattice(values: Tensor, axes: int) -> Tensor:
    """Every combination of ``values`` [n] along the axes: [n^axes, axes]."""
    return torch.cartesian_prod(*[values] * axes).reshape(-1, axes)


def in_domain(axes: Sequence[Axis], positions: Tensor, side: int) -> Tensor:
    """The points at ``positions`` [P, axes], given in cells."""
    low, high = (torch.tensor([getattr(a, end) for a in axes], dtype=torch.float64) for end in ("low", "high"))
    return low + (high - low) * positions / side
