"""Names for Hugging Face transformers."""

from __future__ import annotations

from gem.integrations._names import parse_name
from gem.registry import make_activation


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
