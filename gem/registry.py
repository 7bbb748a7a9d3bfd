"""Activations by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import nn

from gem.modules import EGEM, GEM, SEGEM, GoLU
from gem.variants import SEGEMBounded, SEGEMLinear


class ActivationSpec(NamedTuple):
    """How to make an activation: its class, and its parameters with their defaults."""

    factory: Callable[..., nn.Module]
    defaults: Mapping[str, Any]


_FACTORIES: dict[str, Callable[..., nn.Module]] = {
    "gem": GEM,
    "egem": EGEM,
    "segem": SEGEM,
    "segem_linear": SEGEMLinear,
    "segem_bounded": SEGEMBounded,
    "golu": GoLU,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "elu": nn.ELU,
    "celu": nn.CELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


def _spec(factory: Callable[..., nn.Module]) -> ActivationSpec:
    """Read the defaults from the signature. Arguments without one (``*args``, ``**kwargs`` of Identity) are skipped."""
    parameters = inspect.signature(factory).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    return ActivationSpec(factory, MappingProxyType(defaults))


ACTIVATIONS: Mapping[str, ActivationSpec] = MappingProxyType({name: _spec(f) for name, f in _FACTORIES.items()})


def make_activation(name: str, **params: Any) -> nn.Module:
    """A new module of the activation ``name``; ``params`` override the defaults in ``ACTIVATIONS[name]``.

    Raises ValueError for an unknown name, TypeError for an unknown parameter, and either for a value outside its
    range.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
    factory, defaults = ACTIVATIONS[name]
    for key in params:
        if key not in defaults:
            allowed = ", ".join(defaults) or "none"
            raise TypeError(f"activation {name!r} has no parameter {key!r}; its parameters: {allowed}")
    return factory(**params)
