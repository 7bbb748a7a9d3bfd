"""Names for Hugging Face transformers."""

from __future__ import annotations

from typing import Any, NoReturn

from gem.integrations._names import ALL, is_ours, parse_name, unknown_name
from gem.registry import make_activation


def register_with_transformers(*names: str) -> list[str]:
    """Make names known to Hugging Face transformers, for ``hidden_act="egem_n2_eps1em4"`` in a model's configuration.

    Without arguments registers gem, egem, segem, segem_linear, segem_bounded and golu with their defaults. Parameters
    stand in the name, see :func:`parse_name`; a wrong one raises here, not when the model is built. From then on a
    model whose name is not registered raises a KeyError that says what to call. Returns the names. Needs transformers.
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
    """Register every name of this package in a configuration of transformers, before a checkpoint is loaded.

        config = AutoConfig.from_pretrained(folder)
        gem.register_config(config)
        model = AutoModel.from_pretrained(folder, config=config)

    ``config`` is a configuration or its dictionary; those within it are looked at too. Returns the names registered.
    Raises ValueError where there is none, naming the activations that are there. Needs transformers.
    """
    texts = _activations_in(config if isinstance(config, dict) else config.to_dict())
    names = [name for name in dict.fromkeys(text.removeprefix("gated-") for text in texts) if is_ours(name)]
    if not names:
        raise ValueError(f"config must name an activation of this package, got {', '.join(texts) or 'none'}")
    return register_with_transformers(*names)


def _activations_in(values: dict[str, Any]) -> list[str]:
    """What stands under a key with ``act`` in it or T5's ``feed_forward_proj``, here and in what lies within."""
    found: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict):
            found += _activations_in(value)
        elif isinstance(value, str) and ("act" in str(key) or key == "feed_forward_proj"):
            found.append(value)
    return found


def _not_registered(known: Any, name: str) -> NoReturn:
    raise KeyError(unknown_name(name, known, "gem.register_with_transformers"))
