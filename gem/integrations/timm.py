"""Registers names with timm."""

from __future__ import annotations

import functools
from typing import Any, NoReturn

from gem.integrations._names import ALL, parse_name, unknown_name
from gem.registry import make_activation


class _Layers(dict[str, Any]):
    """timm's own dictionary, with an error that says how to register a missing name."""

    def __missing__(self, name: str) -> NoReturn:
        raise KeyError(unknown_name(name, self, "gem.register_with_timm"))


def register_with_timm(*names: str) -> list[str]:
    """Register names with timm, for ``timm.create_model("resnet18", act_layer="egem_n2_eps1em4")``.

    Without arguments it registers gem, egem, segem, segem_linear, segem_bounded and golu with their defaults. The name
    holds the parameters, see :func:`parse_name`. A wrong name raises ValueError or TypeError here, not later.
    Afterwards a model with an unregistered name raises a KeyError that says what to call. Returns the names. Needs
    timm.
    """
    from timm.layers import create_act

    layers: Any = create_act._ACT_LAYER_DEFAULT
    if not isinstance(layers, _Layers):
        layers = create_act._ACT_LAYER_DEFAULT = _Layers(layers)
    chosen = list(names) or list(ALL)
    for name in chosen:
        activation, params = parse_name(name)
        kind = type(make_activation(activation, **params))
        layers[name] = functools.partial(kind, **params) if params else kind
    return chosen
