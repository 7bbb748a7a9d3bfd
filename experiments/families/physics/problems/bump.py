"""Three problems with one solution on [-1, 1], whose losses contain the first, second and fourth derivative."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from experiments.families.physics.derivatives.jet import Field, Jet
from experiments.families.physics.problems.problem import Axis, Problem

TESTED = 1001
WAVES = ((-1 / 2, 2, math.pi / 2), (1 / 4, 2, 0.0), (-1 / 8, 4, 0.0))  # amplitude, frequency over π, phase


def solution(x: Tensor, order: int = 0) -> Tensor:
    """The ``order``-th derivative of u = 1/2 - cos(2πx)/2 + sin(2πx)/4 - sin(4πx)/8.

    u and u' are 0 at both ends.
    """
    total = torch.full_like(x, 0.5 if order == 0 else 0.0)
    for amplitude, frequency, phase in WAVES:
        rate = frequency * math.pi
        total = total + amplitude * rate**order * torch.sin(rate * x + phase + order * math.pi / 2)
    return total


def root_mean_square(order: int) -> float:
    """√ of the mean square of the solution's ``order``-th derivative over [-1, 1], for order ≥ 1."""
    return math.sqrt(sum((amplitude * (frequency * math.pi) ** order) ** 2 for amplitude, frequency, _ in WAVES) / 2)


class Bump(Problem):
    """Base of the three problems: u is 0 at both ends."""

    def ansatz(self, coordinates: Sequence[Field], network: Field) -> Field:
        (x,) = coordinates
        return (1 - x * x) * network

    def residual(self, points: Tensor, u: Sequence[Jet]) -> Tensor:
        """The equation's residual divided by the root mean square of its right-hand side."""
        (along_x,) = u
        order = along_x.order
        return (along_x[order] - solution(points[:, 0], order)) / root_mean_square(order)

    def reference(self, cache_dir: str) -> Tensor:
        return solution(self.test_points()[:, 0])


class DeepRitz(Bump):
    """∫ u'²/2 - f·u is minimal at the solution of -u'' = f with u(±1) = 0 (E and Yu 2018, arXiv 1710.00211)."""

    axes: ClassVar = (Axis("x", -1.0, 1.0, 1, TESTED),)

    def density(self, points: Tensor, u: Sequence[Jet]) -> Tensor:
        """The energy relative to its minimum, plus 1. Its mean is the squared relative error of u'."""
        (along_x,) = u
        force = -solution(points[:, 0], 2)
        return (along_x[1] ** 2 - 2 * force * along_x[0]) / root_mean_square(1) ** 2 + 1


class Poisson(Bump):
    """-u'' = f with u(±1) = 0."""

    axes: ClassVar = (Axis("x", -1.0, 1.0, 2, TESTED),)


class Beam(Bump):
    """u'''' = q with u(±1) = u'(±1) = 0: a beam with clamped ends under the load q."""

    axes: ClassVar = (Axis("x", -1.0, 1.0, 4, TESTED),)

    def ansatz(self, coordinates: Sequence[Field], network: Field) -> Field:
        (x,) = coordinates
        envelope = 1 - x * x
        return envelope * envelope * network
