"""The equation of Allen and Cahn with a spectral reference solution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from experiments.errors import UserError
from experiments.families.physics.derivatives.jet import Field, Jet, sin
from experiments.families.physics.problems.problem import Axis, Problem
from experiments.families.physics.reference import cached

TIMES, PLACES = 51, 201
TOLERANCE = 1e-7  # largest difference between the reference and the same at half its resolution
FINEST = 1600  # points of the finest grid that is tried
Array = numpy.ndarray


class AllenCahn(Problem):
    """u_t = diffusion·u_xx + reaction·(u - u³) with u(0, x) = sin(πx)/2 - sin(2πx)/4 and u(t, ±1) = 0."""

    axes: ClassVar = (Axis("t", 0.0, 1.0, 1, TIMES), Axis("x", -1.0, 1.0, 2, PLACES))

    def __init__(self, diffusion: float, reaction: float) -> None:
        self.diffusion, self.reaction = diffusion, reaction

    def ansatz(self, coordinates: Sequence[Field], network: Field) -> Field:
        t, x = coordinates
        return (1 - x * x) * (t * network) + 0.5 * sin(math.pi * x) - 0.25 * sin(2 * math.pi * x)

    def residual(self, points: Tensor, u: Sequence[Jet]) -> Tensor:
        along_t, along_x = u
        value = along_x[0]
        return along_t[1] - self.diffusion * along_x[2] - self.reaction * (value - value**3)

    def reference(self, cache_dir: str) -> Tensor:
        return cached(cache_dir, f"allen_cahn-{self.fingerprint}", lambda: refined(self.diffusion, self.reaction))


def refined(diffusion: float, reaction: float) -> Tensor:
    """The solution on the test grid, float64 [TIMES·PLACES]. The resolution is doubled until the solution is stable.

    Raises UserError if the finest grid is too coarse.
    """
    points = PLACES - 1
    coarse = allen_cahn_solution(diffusion, reaction, points)
    while points < FINEST:
        points *= 2
        fine = allen_cahn_solution(diffusion, reaction, points)[:, :: points // (PLACES - 1)]
        if abs(fine - coarse).max() < TOLERANCE:
            return torch.from_numpy(numpy.concatenate([fine, fine[:, :1]], 1).ravel())
        coarse = fine
    raise UserError(
        f"dataset.diffusion={diffusion:g}: too small beside dataset.reaction={reaction:g}, the reference solution "
        f"needs more than {FINEST} points"
    )


def allen_cahn_solution(diffusion: float, reaction: float, points: int) -> Array:
    """u at TIMES equal times and ``points`` places from -1 up to, not including, 1.

    The initial values are odd with period 2, and so is the solution. Fourier collocation in space, Runge-Kutta of
    order 8 in time (tolerance 1e-12).
    """
    x = -1 + 2 * numpy.arange(points) / points
    eigenvalues = -((numpy.pi * numpy.fft.rfftfreq(points, 1 / points)) ** 2)

    def rate(_: float, u: Array) -> Array:
        second = numpy.fft.irfft(eigenvalues * numpy.fft.rfft(u), points)
        found: Array = diffusion * second + reaction * (u - u**3)
        return found

    start = 0.5 * numpy.sin(numpy.pi * x) - 0.25 * numpy.sin(2 * numpy.pi * x)
    times = numpy.linspace(0, 1, TIMES)
    found: Array = solve_ivp(rate, (0, 1), start, "DOP853", times, rtol=1e-12, atol=1e-12).y.T
    return found
