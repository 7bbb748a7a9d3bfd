"""Checks before a run whether the derivatives that it would train on are right."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from experiments.errors import UserError
from experiments.families.physics.derivatives.elementwise import differentiate, elementwise_derivatives
from experiments.families.physics.models.pinn import PINN
from experiments.families.physics.problems.problem import Problem

PLACES = 101  # least number of points in [-REACH, REACH] at which an activation is tested
REACH = 4.01
STEP = 1e-4  # of the central differences
BENDS = 3  # points that may disagree, because a kink of the activation may lie within a step
RELATIVE, OF_LARGEST = 1e-3, 1e-5  # allowed difference, relative to the derivative and to the largest of all
ELEMENTS = 5  # elements tested among other neighbours
POINTS = 3  # points at which the network is tested
AGREEMENT = 1e-6  # allowed difference of its derivatives, relative to the largest


def check_derivatives(problem: Problem, model: PINN, shown: str) -> None:
    """Raise UserError if the activation of ``model`` has missing or wrong derivatives of the required orders.

    ``shown`` names the activation in the message. Training needs one order more than the loss contains. The check uses
    float64 and a copy of the network.
    """
    model = copy.deepcopy(model).double()
    order, units = max(problem.orders), model.output.in_features
    places = torch.linspace(-REACH, REACH, math.ceil(PLACES / units) * units, dtype=torch.float64).view(-1, units)
    try:
        check_elementwise(model.activations[0], places, shown)
        compare_with_differences(model.activations[0], places, order + 1, shown)
        compare_with_reverse_mode(problem, model, shown)
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise UserError(f"{shown}: cannot be differentiated {order + 1} times: {reason}") from error


def check_elementwise(activation: nn.Module, places: Tensor, shown: str) -> None:
    """Raise UserError if an element's value changes when all others change."""
    with torch.no_grad():
        values = activation(places).flatten()
        for index in torch.linspace(0, places.numel() - 1, ELEMENTS).long():
            others = -0.37 * places.flatten()
            others[index] = places.flatten()[index]
            alone = activation(others.view_as(places)).flatten()[index]
            if not torch.isclose(alone, values[index], rtol=1e-9, atol=1e-12):
                raise UserError(
                    f"{shown}: its value at {others[index]:.2f} is {values[index]:.6g}, and {alone:.6g} among other "
                    f"values; it must act on each element alone, and not at random"
                )


def compare_with_differences(activation: nn.Module, places: Tensor, order: int, shown: str) -> None:
    """Compare each derivative of the activation with central differences of the one below it. Raises UserError."""
    tried = torch.cat([places - STEP, places, places + STEP])
    found = [term.detach().view(3, -1) for term in elementwise_derivatives(activation, tried, order)]
    for n in range(1, order + 1):
        expected, given = (found[n - 1][2] - found[n - 1][0]) / (2 * STEP), found[n][1]
        scale = max(found[n - 1].abs().max().item(), given.abs().max().item())
        wrong = ~((given - expected).abs() <= RELATIVE * given.abs() + OF_LARGEST * scale)
        if wrong.sum() > BENDS:
            index = int(wrong.nonzero()[0])
            raise UserError(
                f"{shown}: its derivative of order {n} at {places.flatten()[index]:.2f} is {given[index]:.6g}, "
                f"differences of order {n - 1} give {expected[index]:.6g}; it must compute in float64, and its "
                f"derivatives must be those of its values"
            )


def compare_with_reverse_mode(problem: Problem, model: PINN, shown: str) -> None:
    """Compare the network's joint derivatives with nested reverse mode, point by point. Raises UserError."""
    low, high = (torch.tensor([getattr(a, end) for a in problem.axes], dtype=torch.float64) for end in ("low", "high"))
    points = low + (high - low) * torch.linspace(0.21, 0.83, POINTS, dtype=torch.float64).unsqueeze(1)
    jets = model.jets(points, problem.orders)
    for axis, order in enumerate(problem.orders):
        expected = torch.stack([nested_derivatives(model, point, axis, order) for point in points], 1)
        given = torch.stack([jets[axis][n] for n in range(order + 1)]).detach()
        scale = expected.abs().amax(1, keepdim=True)
        wrong = ~((given - expected).abs() <= AGREEMENT * scale)
        if wrong.any():
            n, point = wrong.nonzero()[0].tolist()
            raise UserError(
                f"{shown}: derivative {n} of the network is {given[n, point]:.6g} if it is treated as a function of "
                f"each element, {expected[n, point]:.6g} by reverse mode; it must act on each element alone"
            )


def nested_derivatives(model: PINN, point: Tensor, axis: int, order: int) -> Tensor:
    """Value and derivatives along one axis at one point, [order + 1], by differentiating the network repeatedly."""
    point = point.detach().requires_grad_()
    found = [model(point.unsqueeze(0))[0]]
    for _ in range(order):
        along = differentiate(found[-1], point, torch.ones_like(found[-1]))
        found.append(along[axis])
    return torch.stack(found).detach()
