"""The points where the loss is evaluated: one in each of many equal cells of the domain."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from experiments.errors import UserError
from experiments.families.physics.problems.problem import Axis


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
    corners = torch.cartesian_prod(*[torch.arange(side, dtype=torch.float64)] * len(axes)).reshape(count, len(axes))
    within = 0.5 if generator is None else torch.rand(count, len(axes), generator=generator, dtype=torch.float64)
    low, high = (torch.tensor([getattr(a, end) for a in axes], dtype=torch.float64) for end in ("low", "high"))
    return low + (high - low) * (corners + within) / side
