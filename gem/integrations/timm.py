"""Names for timm."""

from __future__ import annotations

import functools
from typing import Any

from gem.integrations._names import ALL, parse_name
from gem.registry import make_activation


def register_with_timm(*names: str) -> list[str]:
    """Make names known to timm, for ``timm.create_model("resnet18", act_layer="egem_n2_eps1em4")``.

    Without arguments registers gem, egem, segem, segem_linear, segem_bounded and golu with their defaults. Parameters
    stand in the name, see :func:`parse_name`; a wrong one raises here, not when the model is built. Returns the names.
    Needs timm.
    """
    from timm.layers import create_act

    layers: dict[str, Any] = create_act._ACT_LAYER_DEFAULT
    chosen = list(names) or list(ALL)
    for name in chosen:
        activation, params = parse_name(name)
        kind = type(make_activation(activation, **params))
        layers[name] = functools.partial(kind, **params) if params else kind
    return chosen
