"""A boundary or initial value problem for a network."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from experiments.families.physics.derivatives.jet import Field, Jet, coordinate


@dataclass(frozen=True)
class Axis:
    """A coordinate, its interval, the highest derivative along it in the loss, and the points of its test grid."""

    name: str
    low: float
    high: float
    order: int
    tested: int


class Problem(ABC):
    """The solution is sought as ``ansatz(coordinates, network)``.

    The ansatz satisfies every boundary and initial condition for any network. Derive from this class, and define
    ``axes``, ``revision`` and the methods.
    """

    axes: ClassVar[Sequence[Axis]]
    revision: ClassVar[int] = 1  # raise it when the problem or its reference changes: old runs then get no verdict

    @abstractmethod
    def ansatz(self, coordinates: Sequence[Field], network: Field) -> Field:
        """The candidate solution. Fields are tensors [B], or jets if derivatives are needed."""

    @abstractmethod
    def residual(self, points: Tensor, u: Sequence[Jet]) -> Tensor:
        """The residual [B], which is 0 at the solution. ``u`` has the candidate's derivatives along each axis."""

    @abstractmethod
    def reference(self, cache_dir: str) -> Tensor:
        """The solution on the test grid, float64 [tested points]."""

    def density(self, points: Tensor, u: Sequence[Jet]) -> Tensor:
        """The loss at each of ``points`` [B, axes], tensor [B]: the squared residual unless overridden."""
        return self.residual(points, u) ** 2

    @property
    def orders(self) -> list[int]:
        return [axis.order for axis in self.axes]

    @property
    def fingerprint(self) -> str:
        """Identifies the problem and its constants, not the reference's last digits, which differ between machines."""
        text = f"{type(self).__name__} {self.revision} {sorted(vars(self).items())} {self.axes}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def test_grids(self) -> list[Tensor]:
        """The grid coordinates along each axis, equidistant from end to end, float64."""
        return [torch.linspace(axis.low, axis.high, axis.tested, dtype=torch.float64) for axis in self.axes]

    def test_points(self) -> Tensor:
        """The test grid, float64 [points, axes]; the last axis varies fastest."""
        grids = self.test_grids()
        return torch.cartesian_prod(*grids).reshape(-1, len(grids))

    def candidate(self, points: Tensor, network: Tensor) -> Tensor:
        """Values of the candidate at ``points`` for values [B] of the network."""
        value = self.ansatz(points.unbind(1), network)
        assert isinstance(value, Tensor)
        return value

    def candidate_jets(self, points: Tensor, network: Sequence[Jet]) -> list[Jet]:
        """The candidate's derivatives along each axis, from those of the network."""
        columns = points.unbind(1)
        found = []
        for number, jet in enumerate(network):
            fields = [
                coordinate(column, jet.order) if index == number else column for index, column in enumerate(columns)
            ]
            candidate = self.ansatz(fields, jet)
            assert isinstance(candidate, Jet)
            found.append(candidate)
        return found
