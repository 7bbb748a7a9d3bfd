"""The activation functions of torch that a model may call directly, and the modules that are the same function.

``nn.ReLU`` is also ``F.relu``, ``torch.relu``, ``Tensor.relu`` and their in-place forms. All of them share the label
``"relu"``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

MODULE_OF: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "celu": nn.CELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "hardswish": nn.Hardswish,
    "hardtanh": nn.Hardtanh,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
NAMES = frozenset(name for label in MODULE_OF for name in (label, f"{label}_"))


def _functions() -> dict[Callable[..., Any], str]:
    """The label of every function of torch that computes one of the activations."""
    return {
        getattr(home, name): name.removesuffix("_")
        for home in (F, torch, Tensor)
        for name in NAMES
        if callable(getattr(home, name, None))
    }


LABEL_OF = _functions()

TENSOR_METHODS = frozenset(name for name in NAMES if hasattr(Tensor, name))


def _inplace_positions() -> dict[Callable[..., Any], int]:
    positions: dict[Callable[..., Any], int] = {}
    for function in LABEL_OF:
        if inspect.isfunction(function):
            names = list(inspect.signature(function).parameters)
            if "inplace" in names:
                positions[function] = names.index("inplace")
    return positions


_POSITION_OF_INPLACE = _inplace_positions()
_IN_PLACE = frozenset(function for function in LABEL_OF if function.__name__.endswith("_"))


def is_in_place(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether this call overwrites its input: ``relu_(x)``, or ``relu(x, inplace=True)``."""
    if function in _IN_PLACE:
        return True
    position = _POSITION_OF_INPLACE.get(function)
    if position is None:
        return False
    return bool(args[position] if len(args) > position else kwargs.get("inplace", False))


def label_of(value: object) -> str:
    """The label of a function; an empty text for anything else."""
    return LABEL_OF.get(value, "") if callable(value) and type(value).__hash__ is not None else ""


def labels_of(types: tuple[type[nn.Module], ...]) -> frozenset[str]:
    """The labels of the functions that modules of these types compute."""
    return frozenset(label for label, module in MODULE_OF.items() if issubclass(module, types))
