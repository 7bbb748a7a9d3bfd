"""Makes modules of the configured activation: a new one for every place in a network."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

import gem
from experiments.activations.names import OWN_KEYS
from experiments.activations.target import load_target
from experiments.errors import UserError

MakeActivation = Callable[[], nn.Module]


class FunctionActivation(nn.Module):
    """A function of a tensor as a module: ``function(x, **parameters)``."""

    def __init__(self, function: Callable[..., Tensor], parameters: Mapping[str, Any]) -> None:
        super().__init__()
        self.function, self.parameters_given = function, dict(parameters)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, **self.parameters_given)

    def extra_repr(self) -> str:
        name = getattr(self.function, "__name__", repr(self.function))
        return ", ".join([name, *(f"{key}={value!r}" for key, value in self.parameters_given.items())])


def activation_factory(activation: Mapping[str, Any]) -> MakeActivation:
    """A factory of the activation ``{"name": …, **parameters}``, or of its target. Raises UserError."""
    parameters = {key: value for key, value in activation.items() if key not in OWN_KEYS}
    if "target" not in activation:
        return functools.partial(gem.make_activation, activation["name"], **parameters)
    target = load_target(activation["target"])
    if not isinstance(target.function, type):
        return functools.partial(FunctionActivation, target.function, parameters)
    if not issubclass(target.function, nn.Module):
        raise UserError(f"activation.target={target.text}: must be a subclass of torch.nn.Module, or a function")
    return functools.partial(target.function, **parameters)
