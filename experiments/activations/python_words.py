"""Python code that makes an activation, for readers of an exported network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.activations.names import OWN_KEYS
from experiments.activations.target import load_target


def activation_words(activation: Mapping[str, Any]) -> tuple[list[str], str]:
    """The import lines that an activation needs, and the expression that makes its module class."""
    parameters = keywords({key: value for key, value in activation.items() if key not in OWN_KEYS})
    if "target" not in activation:
        return [], f"lambda: gem.make_activation({', '.join(filter(None, [repr(activation['name']), parameters]))})"
    place, _, name = str(activation["target"]).rpartition(":")
    module = Path(place).stem if place.endswith(".py") else place
    lines = [f"from {module} import {name}  # its file is kept in the run's folder activation/"]
    if isinstance(load_target(activation["target"]).function, type):
        return lines, f"lambda: {name}({parameters})"
    call = f"{name}(x, {parameters})" if parameters else f"{name}(x)"
    return lines, f'type("{name}", (torch.nn.Module,), {{"forward": lambda self, x: {call}}})'


def keywords(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in values.items())
