"""The names of activations in Hugging Face transformers, for the ``config.json`` of an exported network."""

from __future__ import annotations

from typing import Any

from experiments.activations.pinned import pinned_activations
from experiments.errors import UserError

# Names of transformers' ACT2FN for torch's activations.
THEIRS = {"relu": "relu", "gelu": "gelu", "silu": "silu", "mish": "mish", "leaky_relu": "leaky_relu"}
SHORT = {"N": "n", "negative_slope": "slope"}


def activation_name(activation: dict[str, Any]) -> str:
    """The name in ACT2FN. Raises UserError for an activation that neither transformers nor gem provides."""
    name = activation["name"]
    if name in THEIRS:
        for key, value in activation.items():
            if key != "name" and value != pinned_activations()[name].get(key):
                raise UserError(f"activation.{key}={value}: transformers has {name} with its default only")
        return THEIRS[name]
    if name not in ("gem", "egem", "segem", "golu"):
        raise UserError(f"activation={name}: transformers has no activation of this name")
    if activation.get("learnable"):
        raise UserError(f"activation={name}: a learnable scale has no place in transformers' model")
    parts = [name]
    for key, value in activation.items():
        if key == "convention" and value == "scale":
            parts.append("scale")
        elif key in ("N", "eps", "negative_slope", "alpha", "beta", "gamma"):
            number = str(int(value) if value == int(value) else value)
            parts.append(SHORT.get(key, key) + number.replace("-", "m"))  # T5 splits names at "-"
    return "_".join(parts)


def lines_for(name: str) -> list[str]:
    """What a user must know about the activation ``name`` before loading the network."""
    lines = [f"its activation is {name}"]
    if name not in THEIRS.values():
        lines.append(f"before from_pretrained: gem.register_with_transformers({name!r})")
    return lines
