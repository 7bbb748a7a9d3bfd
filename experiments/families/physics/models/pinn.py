"""The network of the physics problems: a multilayer perceptron that also computes its derivatives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

import gem
from experiments.activations.build import MakeActivation
from experiments.errors import UserError
from experiments.families.physics import schema
from experiments.families.physics.derivatives.elementwise import elementwise_derivatives
from experiments.families.physics.derivatives.jet import Jet, compose
from experiments.families.physics.problems.problem import Axis
from experiments.randomness import generator


class PINN(nn.Module):
    """``depth`` hidden layers of ``width`` units: points [B, axes] to values [B].

    The first layer receives every axis mapped to [-1, 1]; ``low`` and ``high`` are the ends of the axes.
    """

    centre: Tensor
    radius: Tensor

    def __init__(
        self, low: Sequence[float], high: Sequence[float], width: int, depth: int, activation: MakeActivation
    ) -> None:
        super().__init__()
        ends = torch.tensor([list(low), list(high)])
        self.register_buffer("centre", ends.mean(0), persistent=False)
        self.register_buffer("radius", (ends[1] - ends[0]) / 2, persistent=False)
        sizes = [len(low), *[width] * depth]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.activations = nn.ModuleList(activation() for _ in range(depth))
        self.output = nn.Linear(width, 1)

    def forward(self, points: Tensor) -> Tensor:
        x = (points - self.centre) / self.radius
        for linear, activation in zip(self.hidden, self.activations, strict=True):
            x = activation(linear(x))
        values: Tensor = self.output(x)
        return values.squeeze(-1)

    def jets(self, points: Tensor, orders: Sequence[int]) -> list[Jet]:
        """For each axis, the values with their derivatives along it, up to the axis's order in ``orders``.

        All derivatives of a layer pass through its matrix together. The activation is differentiated once per layer,
        for any number of axes.
        """
        first = self.hidden[0]
        assert isinstance(first, nn.Linear)
        zero = torch.zeros(len(points), first.out_features, dtype=points.dtype, device=points.device)
        value = first((points - self.centre) / self.radius)
        tangents = [
            [column.expand_as(value), *[zero] * (order - 1)][:order]
            for column, order in zip((first.weight / self.radius).T, orders, strict=True)
        ]
        following = [*self.hidden[1:], self.output]
        for activation, linear in zip(self.activations, following, strict=True):
            slopes = elementwise_derivatives(activation, value, max(orders))
            bent = [compose(slopes, [value, *along])[1:] for along in tangents]
            stacked = torch.stack([slopes[0], *(term for terms in bent for term in terms)])
            value, *rest = torch.matmul(stacked, linear.weight.T).unbind()
            value = value + linear.bias
            parts = iter(rest)
            tangents = [[next(parts) for _ in range(order)] for order in orders]
        return [
            Jet([term.squeeze(-1) for term in (value, *along)], order)
            for along, order in zip(tangents, orders, strict=True)
        ]


def build_pinn(axes: Sequence[Axis], model: schema.PINN, activation: MakeActivation, seed: int) -> PINN:
    """The network for a problem with ``axes``, float64, initialised by ``seed``.

    Raises UserError for an activation that is 0 everywhere or not finite.
    """
    ends = [axis.low for axis in axes], [axis.high for axis in axes]
    network = PINN(*ends, model.width, model.depth, activation).double()
    try:
        gain = gem.gain(network.activations[0])
    except ValueError as error:
        raise UserError(f"model={model.name}: cannot be initialised for this activation: {error}") from error
    initialise(network, gain, seed)
    return network


@torch.no_grad()
def initialise(network: PINN, gain: float, seed: int) -> None:
    """Weights from N(0, g²/fan_in), biases uniform in [-1, 1], the last bias 0.

    g is 1 in the first layer and the activation's ``gain`` (He et al. 2015) in all others. With biases of 0, as is
    usual with tanh, the origins of all units coincide. An activation such as GEM is flat around its origin: then
    almost nothing passes, and the network does not learn.
    """
    for number, linear in enumerate([*network.hidden, network.output]):
        draw = generator(seed, "weights", number)
        spread = (gain if number else 1.0) / math.sqrt(linear.in_features)
        linear.weight.normal_(0.0, spread, generator=draw)
        linear.bias.uniform_(-1.0, 1.0, generator=draw)
    network.output.bias.zero_()
