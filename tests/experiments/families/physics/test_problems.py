"""The problems: conditions hold for any network, and the references solve the equations."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy
import pytest
import torch
from torch import Tensor

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.physics.collocation import collocation_points
from experiments.families.physics.derivatives.jet import Jet
from experiments.families.physics.problems import allen_cahn, bump
from experiments.families.physics.problems.allen_cahn import AllenCahn, allen_cahn_solution
from experiments.families.physics.problems.build import build_problem
from experiments.families.physics.problems.bump import Beam, DeepRitz, Poisson
from experiments.families.physics.problems.burgers import Burgers, burgers_solution
from experiments.families.physics.problems.problem import Problem
from experiments.randomness import generator

NAMES = ("deep_ritz", "poisson", "burgers", "allen_cahn", "beam")
ANYTHING = torch.tensor([3.7, -2.0, 11.0], dtype=torch.float64)  # values of a network


def problem_of(name: str) -> Problem:
    return build_problem(compose_run([f"dataset={name}", "model=pinn"]).dataset)


@pytest.mark.parametrize("name", NAMES)
def test_the_orders_that_are_told_are_those_of_the_loss(name: str) -> None:
    config = compose_run([f"dataset={name}", "model=pinn"])
    assert config.dataset.order == max(problem_of(name).orders)


@pytest.mark.parametrize("problem", [DeepRitz(), Poisson(), Beam()])
@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_boundary_conditions_in_one_dimension(problem: Problem, end: float) -> None:
    points = torch.full((3, 1), end, dtype=torch.float64)
    (u,) = problem.candidate_jets(points, [Jet([ANYTHING] * 5, 4)])
    assert u[0].tolist() == [0, 0, 0]
    assert (u[1].tolist() == [0, 0, 0]) == isinstance(problem, Beam)
    assert problem.candidate(points, ANYTHING).tolist() == [0, 0, 0]


@pytest.mark.parametrize("problem", [Burgers(0.02), AllenCahn(0.01, 2.0)])
def test_boundary_and_initial_conditions_in_time(problem: Problem) -> None:
    """For any network: the first row of the reference at t = 0, and 0 at both ends."""
    t, x = torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    for end in (-x, x):
        assert problem.candidate(torch.stack([t, end], 1), ANYTHING).abs().max() < 1e-15
    places = torch.tensor([[0.0, -0.8], [0.0, 0.1], [0.0, 0.6]], dtype=torch.float64)
    start = problem.candidate(places, ANYTHING)
    grid = problem.test_grids()[1]
    initial = problem.reference("")[: len(grid)] if isinstance(problem, Burgers) else sine_start(grid)
    chosen = [int((grid - place[1]).abs().argmin()) for place in places]
    torch.testing.assert_close(start, initial[chosen], rtol=0, atol=1e-12)


def sine_start(x: Tensor) -> Tensor:
    return 0.5 * torch.sin(torch.pi * x) - 0.25 * torch.sin(2 * torch.pi * x)


def test_the_bump_and_its_derivatives() -> None:
    """Each derivative against central differences of the one below; the mean squares against a sum."""
    x = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    for order in range(1, 5):
        step = 1e-4
        slope = (bump.solution(x + step, order - 1) - bump.solution(x - step, order - 1)) / (2 * step)
        scale = bump.solution(x, order).abs().max().item()
        torch.testing.assert_close(bump.solution(x, order), slope, rtol=0, atol=1e-6 * scale)
        square = bump.solution(x[:-1], order).square().mean().sqrt().item()
        assert bump.root_mean_square(order) == pytest.approx(square, rel=1e-12)
    assert bump.solution(x)[[0, -1]].abs().max() < 1e-15
    assert bump.solution(x, 1)[[0, -1]].abs().max() < 1e-13


@pytest.mark.parametrize("problem", [DeepRitz(), Poisson(), Beam()])
def test_the_loss_is_zero_at_the_solution_and_above_it_elsewhere(problem: Problem) -> None:
    points = collocation_points(problem.axes, 4096, None)
    order = problem.orders[0]
    exact = [bump.solution(points[:, 0], n) for n in range(order + 1)]
    loss = problem.density(points, [Jet(exact, order)]).mean()
    assert abs(loss.item()) < 1e-10
    assert problem.residual(points, [Jet(exact, order)]).abs().max() < 1e-12
    scaled = problem.density(points, [Jet([1.1 * term for term in exact], order)]).mean()
    assert scaled.item() == pytest.approx(0.01, rel=1e-3)  # the squared relative error of the derivative


def spectral_residual(problem: Problem, values: numpy.ndarray, step: float) -> float:
    """The largest residual of values [3, places] at times t - step, t, t + step, periodic in space."""
    places = values.shape[1]
    frequencies = 1j * numpy.pi * numpy.fft.rfftfreq(places, 1 / places)
    first, second = (numpy.fft.irfft(frequencies**n * numpy.fft.rfft(values[1]), places) for n in (1, 2))
    in_time = (values[2] - values[0]) / (2 * step)
    along = [torch.from_numpy(term) for term in (values[1], first, second, in_time)]
    found = problem.residual(torch.empty(0), [Jet([along[0], along[3]], 1), Jet(along[:3], 2)])
    return float(found.abs().max())


@pytest.mark.parametrize("viscosity", [0.01, 0.02, 0.1])
def test_the_solution_of_burgers_solves_it(viscosity: float) -> None:
    x = -1 + 2 * numpy.arange(1024) / 1024
    step = 1e-4
    for t in (0.15, 0.5, 0.9):
        times = [numpy.stack([numpy.full_like(x, t + shift), x], 1) for shift in (-step, 0, step)]
        values = numpy.stack([burgers_solution(points, viscosity) for points in times])
        assert spectral_residual(Burgers(viscosity), values, step) < 1e-4  # of 40 at the steepest place
    coarse, fine = (burgers_solution(Burgers(viscosity).test_points().numpy(), viscosity, n) for n in (96, 128))
    assert abs(coarse - fine).max() < 1e-9


def test_the_solution_of_allen_and_cahn_solves_it() -> None:
    """By the equation itself, with differences in time, and by refinement to 1e-7."""
    values = allen_cahn_solution(0.01, 2.0, 400)
    step = 1 / (allen_cahn.TIMES - 1)
    for index in (5, 25, 45):
        inner = values[index - 1 : index + 2]
        assert spectral_residual(AllenCahn(0.01, 2.0), inner, step) < 2e-3  # second order in the step
    assert abs(values[:, ::2] - allen_cahn_solution(0.01, 2.0, 200)).max() < 1e-7


def test_references_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = AllenCahn(0.01, 2.0)
    first = problem.reference(str(tmp_path))
    assert first.shape == (51 * 201,)
    (kept,) = (tmp_path / "physics").iterdir()
    monkeypatch.setattr(allen_cahn, "refined", lambda *_: pytest.fail("computed again"))
    assert torch.equal(problem.reference(str(tmp_path)), first)
    monkeypatch.undo()
    damaged = bytearray(kept.read_bytes())
    damaged[-9] ^= 1
    kept.write_bytes(damaged)
    assert torch.equal(problem.reference(str(tmp_path)), first)
    assert kept.read_bytes() != bytes(damaged)
    other = AllenCahn(0.02, 2.0)
    assert other.fingerprint != problem.fingerprint
    assert not torch.equal(other.reference(str(tmp_path)), first)


def test_a_solution_too_steep_for_the_reference_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(allen_cahn, "FINEST", 400)
    with pytest.raises(UserError, match=r"dataset\.diffusion=0\.0001: too small"):
        AllenCahn(1e-4, 5.0).reference(str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("problem", [Poisson(), Burgers(0.02)])
def test_collocation_points(problem: Problem) -> None:
    """One in each cell: as a grid its centre, at random anywhere in it."""
    axes, count = problem.axes, 64
    side = 64 if len(axes) == 1 else 8
    grid = collocation_points(axes, count, None)
    drawn = collocation_points(axes, count, generator(0, "points", 3))
    assert torch.equal(drawn, collocation_points(axes, count, generator(0, "points", 3)))
    assert not torch.equal(drawn, collocation_points(axes, count, generator(0, "points", 4)))
    for index, axis in enumerate(axes):
        width = (axis.high - axis.low) / side
        assert ((grid - drawn).abs()[:, index] <= width / 2).all()
        expected = axis.low + width * (torch.arange(side, dtype=torch.float64) + 0.5)
        torch.testing.assert_close(grid[:, index].unique(), expected)
    assert len(grid.unique(dim=0)) == count


def test_points_must_fill_both_axes_alike() -> None:
    with pytest.raises(UserError, match=r"recipe.points=150: must be a square .* such as 144 = 12²"):
        collocation_points(Burgers(0.1).axes, 150, None)


def test_a_fingerprint_is_of_the_problem() -> None:
    prints = {problem_of(name).fingerprint for name in NAMES}
    assert len(prints) == len(NAMES)
    assert Burgers(0.05).fingerprint == problem_of("burgers").fingerprint != Burgers(0.03).fingerprint
    changed = dataclasses.replace(Poisson.axes[0], tested=11)
    assert type("Poisson", (Poisson,), {"axes": (changed,)})().fingerprint != Poisson().fingerprint
