"""Ways into models that exist already: replacing modules, and names for transformers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from gem.registry import make_activation

Model = TypeVar("Model", bound=nn.Module)

NAME = re.compile(r"(?P<activation>gem|egem|segem|golu)(?P<rest>(?:_[a-z]+[0-9.e+-]*)*)")
PARAMETER = re.compile(
    r"_(?P<key>n|eps|slope|alpha|beta|gamma)(?P<value>[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?)|_(?P<flag>scale)"
)


def replace_activations(
    model: Model,
    old: type[nn.Module] | tuple[type[nn.Module], ...],
    new: str | Callable[..., nn.Module],
    **params: Any,
) -> Model:
    """Put a new activation in the place of every module of type ``old``, in place, and return the model.

    ``new`` is a name for :func:`gem.make_activation` or a class; ``params`` go to it. A module used in several
    places stays one module. Raises ValueError if there is none: a model that calls ``torch.relu`` has no module to
    replace. Raises TypeError where ``old`` is no type of module, or ``new`` a module in place of its class.
    """
    types = old if isinstance(old, tuple) else (old,)
    if not all(isinstance(each, type) and issubclass(each, nn.Module) for each in types):
        raise TypeError(f"old must be a type of module or a tuple of such, as torch.nn.ReLU, got {old!r}")
    if isinstance(new, nn.Module):
        raise TypeError(f"new must be a name or a class, as 'gem' or gem.GEM, got the module {new!r}")
    fresh: dict[nn.Module, nn.Module] = {}
    device = next((p.device for p in model.parameters()), None)
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):  # named_children() leaves out what it has named before
            if isinstance(child, old):
                if child not in fresh:
                    made = make_activation(new, **params) if isinstance(new, str) else new(**params)
                    fresh[child] = made.to(device).train(child.training)
                setattr(parent, name, fresh[child])
                if isinstance(parent, nn.TransformerEncoderLayer):
                    parent.activation_relu_or_gelu = 0  # by this, and not the module, torch evaluates in its fast path
    if not fresh:
        raise ValueError(f"old must be a type of module that occurs inside the model, got {old!r}")
    return model


def parse_name(name: str) -> tuple[str, dict[str, Any]]:
    """Activation and parameters of a name such as ``egem_n2_eps1e-4`` or ``segem_n1_eps1_slope0.1_scale``.

    Keys: n (N), eps, slope (negative_slope), alpha, beta, gamma, each with its value, and ``scale`` for that
    convention.
    """
    whole = NAME.fullmatch(name)
    rest = whole["rest"] if whole else ""
    params: dict[str, Any] = {}
    position, twice = 0, False
    while part := PARAMETER.match(rest, position):
        key = {"n": "N", "slope": "negative_slope", None: "convention"}.get(part["key"], part["key"])
        twice |= key in params
        if part["flag"]:
            params[key] = "scale"
        else:
            params[key] = int(part["value"]) if key == "N" and part["value"].isdigit() else float(part["value"])
        position = part.end()
    if not whole or twice or position != len(rest):
        raise ValueError(
            f"name must be gem, egem, segem or golu with parameters, as in 'egem_n2_eps1e-4', got {name!r}"
        )
    return whole["activation"], params


def register_with_transformers(*names: str) -> list[str]:
    """Make names known to Hugging Face transformers, for ``hidden_act="egem_n2_eps1e-4"`` in a model's configuration.

    Without arguments registers gem, egem, segem and golu with their defaults. Parameters stand in the name, see
    :func:`parse_name`; a wrong one raises here, not when the model is built. Returns the names. Needs transformers.
    """
    from transformers.activations import ACT2FN

    chosen = list(names) or ["gem", "egem", "segem", "golu"]
    for name in chosen:
        activation, params = parse_name(name)
        ACT2FN[name] = (type(make_activation(activation, **params)), params)
    return chosen
