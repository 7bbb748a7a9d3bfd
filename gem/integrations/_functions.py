"""The activation functions of torch that a model may call directly, and the modules that compute the same function.

``nn.ReLU`` is also ``F.relu``, ``torch.relu``, ``Tensor.relu`` and their in-place forms. All of them share the label
``"relu"``. ``F.hardtanh`` between 0 and 6 has the label ``"relu6"``, because ``nn.ReLU6`` calls it with these bounds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
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

# torch.compile hides calls of these from every TorchFunctionMode: three by name, and F.relu_ and other in-place forms.
_BY_NAME = frozenset({"tanh", "sigmoid", "hardswish"})
HIDDEN_WHEN_COMPILED = frozenset(
    {*(getattr(F, name) for name in _BY_NAME), *(f for f in _IN_PLACE if f is not getattr(Tensor, f.__name__, None))}
)


def may_be_hidden(name: str) -> bool:
    """Whether torch.compile hides a function of this name."""
    return name in _BY_NAME or name.endswith("_")


def is_in_place(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether this call overwrites its input: ``relu_(x)``, or ``relu(x, inplace=True)``."""
    if function in _IN_PLACE:
        return True
    position = _POSITION_OF_INPLACE.get(function)
    if position is None:
        return False
    return bool(args[position] if len(args) > position else kwargs.get("inplace", False))


def label_of(value: object) -> str:
    """The label of a function, or an empty string for any other object."""
    return LABEL_OF.get(value, "") if callable(value) and type(value).__hash__ is not None else ""


def label_of_call(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """The label of a function when it is called with these arguments, or an empty string for any other function."""
    label = LABEL_OF.get(function, "")
    if label != "hardtanh":
        return label
    low = args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)
    high = args[2] if len(args) > 2 else kwargs.get("max_val", 1.0)
    return "relu6" if low == 0 and high == 6 else label


def labels_of(types: tuple[type[nn.Module], ...]) -> frozenset[str]:
    """The labels of the functions that modules of these types compute."""
    return frozenset(label for label, module in MODULE_OF.items() if issubclass(module, types))
