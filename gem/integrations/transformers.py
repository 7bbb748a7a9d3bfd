"""Registers names with Hugging Face transformers."""

from __future__ import annotations

from typing import Any, NoReturn

from gem.integrations._names import ALL, is_ours, parse_name, unknown_name
from gem.registry import make_activation


def register_with_transformers(*names: str) -> list[str]:
    """Register names with Hugging Face transformers, for ``hidden_act="egem_n2_eps1em4"`` in a configuration.

    Without arguments it registers gem, egem, segem, segem_linear, segem_bounded and golu with their defaults. The name
    holds the parameters, see :func:`parse_name`. A wrong name raises ValueError or TypeError here, not later.
    Afterwards a model with an unregistered name raises a KeyError that says what to call. Returns the names. Needs
    transformers.
    """
    from transformers.activations import ACT2FN

    kind: Any = type(ACT2FN)
    kind.__missing__ = _not_registered
    chosen = list(names) or list(ALL)
    for name in chosen:
        activation, params = parse_name(name)
        ACT2FN[name] = (type(make_activation(activation, **params)), params)
    return chosen


def register_config(config: Any) -> list[str]:
    """Register every name of this package in a transformers configuration, before a checkpoint is loaded.

        config = AutoConfig.from_pretrained(folder)
        gem.register_config(config)
        model = AutoModel.from_pretrained(folder, config=config)

    ``config`` is a configuration or its dictionary, including nested ones. Returns the names registered. Raises
    ValueError if there is none; the message lists the activations found. Needs transformers.
    """
    texts = _activations_in(config if isinstance(config, dict) else config.to_dict())
    names = [name for name in dict.fromkeys(text.removeprefix("gated-") for text in texts) if is_ours(name)]
    if not names:
        raise ValueError(f"config must name an activation of this package, got {', '.join(texts) or 'none'}")
    return register_with_transformers(*names)


def _activations_in(values: dict[str, Any]) -> list[str]:
    """The values of keys that contain ``act`` and of T5's ``feed_forward_proj``, including nested ones."""
    found: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict):
            found += _activations_in(value)
        elif isinstance(value, str) and ("act" in str(key) or key == "feed_forward_proj"):
            found.append(value)
    return found


def _not_registered(known: Any, name: str) -> NoReturn:
    raise KeyError(unknown_name(name, known, "gem.register_with_transformers"))
