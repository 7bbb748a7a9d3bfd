"""Derivatives of activations and of networks: against 60 digits, and against nested reverse mode."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gem
from experiments.config.compose import compose_run
from experiments.families.physics.derivatives.check import nested_derivatives
from experiments.families.physics.derivatives.elementwise import elementwise_derivatives
from experiments.families.physics.derivatives.jet import Jet, compose, coordinate, cos, sin
from experiments.families.physics.models.pinn import PINN
from tests.experiments.families.physics.exact import EXACT, derivatives

ORDER = 4
PLACES = [-2.3, -0.4, -0.03, 0.02, 0.3, 1.1, 2.7]
NAMES = [f"{name} {parameters}" for name, parameters, _ in EXACT]


def test_every_activation_by_name_has_an_exact_form() -> None:
    unheld = set(gem.ACTIVATIONS) - {name for name, _, _ in EXACT}
    assert unheld <= {"segem_linear", "segem_bounded"}  # other readings, held by test_nested_reverse_mode alone


@pytest.mark.parametrize(("name", "parameters", "exact"), EXACT, ids=NAMES)
def test_activations_have_the_derivatives_of_their_formulas(name: str, parameters: dict[str, Any], exact: Any) -> None:
    """To 1e-10 of the largest, from order 0 to 4, and to 5, which training on order 4 needs."""
    activation = gem.make_activation(name, **parameters).double()
    found = elementwise_derivatives(activation, torch.tensor(PLACES, dtype=torch.float64), ORDER + 1)
    expected = torch.tensor([derivatives(exact, x, ORDER + 1) for x in PLACES], dtype=torch.float64).T
    for given, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(given.detach(), wanted, rtol=1e-10, atol=1e-10 * float(wanted.abs().max()))


def network(activation: nn.Module, axes: int = 1) -> PINN:
    torch.manual_seed(0)
    return PINN([-1.0] * axes, [3.0] * axes, 7, 3, lambda: activation).double()


@pytest.mark.parametrize(
    ("name", "parameters"), [*((n, p) for n, p, _ in EXACT), ("segem_linear", {}), ("segem_bounded", {})]
)
def test_networks_equal_nested_reverse_mode(name: str, parameters: dict[str, Any]) -> None:
    """Every derivative along two axes, point by point, to 1e-10 of the largest of its order."""
    subject = network(gem.make_activation(name, **parameters).double(), axes=2)
    points = torch.tensor([[-0.7, 2.1], [0.2, 0.4], [1.9, -0.3]], dtype=torch.float64)
    jets = subject.jets(points, [4, 2])
    for axis, order in enumerate((4, 2)):
        expected = torch.stack([nested_derivatives(subject, point, axis, order) for point in points], 1)
        for n in range(order + 1):
            scale = max(float(expected[n].abs().max()), 1e-300)
            torch.testing.assert_close(jets[axis][n].detach(), expected[n], rtol=0, atol=1e-10 * scale)
    torch.testing.assert_close(jets[0][0], subject(points), rtol=1e-13, atol=1e-15)


def test_a_network_of_one_unit_against_its_closed_form() -> None:
    """u = a·f(w·z + b) with z = (x - 1) / 2 on [-1, 3]: its n-th derivative is a·(w/2)ⁿ·f⁽ⁿ⁾."""
    for name, parameters, exact in EXACT:
        unit = PINN([-1.0], [3.0], 1, 1, lambda n=name, p=parameters: gem.make_activation(n, **p)).double()
        values = {"hidden.0.weight": 1.5, "hidden.0.bias": -0.2, "output.weight": 0.7, "output.bias": 0.1}
        for key, parameter in unit.named_parameters():
            if key in values:
                parameter.data.fill_(values[key])
        (jet,) = unit.jets(torch.tensor([[2.0], [0.3]], dtype=torch.float64), [ORDER])
        for index, x in enumerate((2.0, 0.3)):
            found = derivatives(exact, 1.5 * (x - 1) / 2 - 0.2, ORDER)
            expected = [0.7 * 0.75**n * value + (0.1 if n == 0 else 0.0) for n, value in enumerate(found)]
            given = [jet[n][index].item() for n in range(ORDER + 1)]
            assert given == pytest.approx(expected, rel=1e-10, abs=1e-10 * max(map(abs, expected)))


def test_gradients_of_a_loss_with_derivatives_equal_those_of_nested_reverse_mode() -> None:
    """Also for an activation with a parameter of its own."""
    for activation in (nn.Tanh(), nn.PReLU().double(), gem.GEM(2, learnable=True).double()):
        subject = network(activation)
        points = torch.tensor([[-0.7], [0.2], [1.9]], dtype=torch.float64)
        (jet,) = subject.jets(points, [3])
        sum(torch.mean(jet[n] ** 2) for n in range(4)).backward()
        given = [p.grad.clone() for p in subject.parameters()]
        subject.zero_grad()
        u, x = None, points.requires_grad_()
        total = torch.zeros((), dtype=torch.float64)
        for _ in range(4):
            u = subject(x) if u is None else torch.autograd.grad(u.sum(), x, create_graph=True)[0].squeeze(1)
            total = total + torch.mean(u**2)
        total.backward()
        for mine, parameter in zip(given, subject.parameters(), strict=True):
            torch.testing.assert_close(mine, parameter.grad, rtol=1e-9, atol=1e-12)


def autograd_jet(function: Any, x: Tensor, order: int) -> list[Tensor]:
    x = x.clone().requires_grad_()
    return [term.detach() for term in elementwise_derivatives(function, x, order)]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * x * x - 2 * x + 1,
        lambda x: (1 - x * x) * (1 - x * x) * x,
        lambda x: sin(3.0 * x) * x - cos(x * x),
        lambda x: -(0.5 - sin(x + 1)) * 2.0,
        lambda x: 1 + x * torch.tensor([2.0, 3.0, 4.0], dtype=torch.float64),
        lambda x: torch.tensor([2.0, 3.0, 4.0], dtype=torch.float64) * x - torch.ones(3, dtype=torch.float64),
    ],
)
def test_arithmetic_of_jets(function: Any) -> None:
    x = torch.tensor([-0.8, 0.1, 1.3], dtype=torch.float64)
    found = function(coordinate(x, ORDER))
    assert isinstance(found, Jet)
    for n, wanted in enumerate(autograd_jet(function, x, ORDER)):
        torch.testing.assert_close(found[n], wanted, rtol=1e-12, atol=1e-12)


def test_a_jet_keeps_no_derivative_above_its_order() -> None:
    x = coordinate(torch.tensor([0.5]), 2)
    assert len((x * x * x).terms) == 3
    assert len(x.terms) == 2
    assert torch.equal(x[2], torch.zeros(1))


def test_composition_against_an_exponential() -> None:
    """exp(sin x) at 0: 1, 1, 1, 0, -3."""
    one, zero = torch.ones(1), torch.zeros(1)
    assert [float(t) for t in compose([one] * 5, [zero, one, zero, -one, zero])] == [1, 1, 1, 0, -3]
    with pytest.raises(ValueError, match="order 5 is above 4"):
        compose([one] * 6, [zero] * 6)


def test_no_derivative_of_a_constant_is_lost() -> None:
    """An activation that does not depend on its input at all, and one whose slope does not."""
    x = torch.tensor([0.3, -0.2])
    assert [t.tolist() for t in elementwise_derivatives(torch.ones_like, x, 2)] == [[1, 1], [0, 0], [0, 0]]
    assert elementwise_derivatives(lambda x: 3 * x, x, 2)[2].tolist() == [0, 0]
    assert math.isclose(elementwise_derivatives(torch.exp, x, 3)[3][0].item(), math.exp(0.3), rel_tol=1e-6)


def test_the_default_activation_of_a_run_is_composed_into_a_network() -> None:
    assert compose_run(["dataset=beam", "model=pinn"]).model.width == 32
