"""Burgers' equation with its exact solution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy
import torch
from torch import Tensor

from experiments.families.physics.derivatives.jet import Field, Jet, sin
from experiments.families.physics.problems.problem import Axis, Problem

NODES = 128  # of the quadrature; with 96 the solution is the same to 1e-9 for viscosities from 0.01 to 0.1
Array = numpy.ndarray


class Burgers(Problem):
    """u_t + u·u_x = viscosity·u_xx with u(0, x) = -sin(πx) and u(t, ±1) = 0."""

    axes: ClassVar = (Axis("t", 0.0, 1.0, 1, 51), Axis("x", -1.0, 1.0, 2, 201))

    def __init__(self, viscosity: float) -> None:
        self.viscosity = viscosity

    def ansatz(self, coordinates: Sequence[Field], network: Field) -> Field:
        t, x = coordinates
        return (1 - x * x) * (t * network) - sin(math.pi * x)

    def residual(self, points: Tensor, u: Sequence[Jet]) -> Tensor:
        along_t, along_x = u
        return along_t[1] + along_x[0] * along_x[1] - self.viscosity * along_x[2]

    def reference(self, cache_dir: str) -> Tensor:
        return torch.from_numpy(burgers_solution(self.test_points().numpy(), self.viscosity))


def burgers_solution(points: Array, viscosity: float, nodes: int = NODES) -> Array:
    """u at ``points`` [B, 2] of (t, x), by the transformation of Cole and Hopf.

    u = -∫ sin(πy) w(y) exp(-z²) dz / ∫ w(y) exp(-z²) dz with y = x - z·√(4νt) and w(y) = exp(-cos(πy) / (2πν)), by
    Gauss-Hermite quadrature. Source: Basdevant et al. 1986, doi:10.1016/0045-7930(86)90036-8.
    """
    z, weight = numpy.polynomial.hermite.hermgauss(nodes)
    t, x = points[:, :1], points[:, 1:]
    y = x - numpy.sqrt(4 * viscosity * t) * z
    exponent = -numpy.cos(numpy.pi * y) / (2 * numpy.pi * viscosity)
    w = weight * numpy.exp(exponent - exponent.max(1, keepdims=True))
    found: Array = -(w * numpy.sin(numpy.pi * y)).sum(1) / w.sum(1)
    return found
