"""Exports trained classifiers of torchvision and timm in files that these libraries load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import gem
from experiments.activations.python_words import activation_words, keywords
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.images.models.library import create
from experiments.families.images.models.swap import TORCH, hidden_types, is_hidden
from experiments.families.images.schema import LibraryModel
from experiments.files import write_json

COLOURS = 3


def export_classifier(config: Config, state: Mapping[str, Tensor], out: Path) -> list[str]:
    """Write ``model.safetensors``, with the library's own names of the weights, and ``config.json``.

    Returns lines of Python that load them. Raises UserError for this suite's own networks, which no library has.
    """
    model = config.model
    if not isinstance(model, LibraryModel):
        raise UserError(f"model={model.name}: no other library has this network; model=timm and model=torchvision do")
    from safetensors.torch import save_file

    channels, classes = sizes_of(model, state)
    network = create(model, channels, classes)
    old = replaced_classes(network, model)
    out.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, out / "model.safetensors")
    about: dict[str, Any] = {"library": model.kind, "architecture": model.architecture, "options": model.options}
    about |= {"channels": channels, "classes": classes, "swap": model.swap, "activation": dict(config.activation)}
    write_json(out / "config.json", about)
    return loading_lines(config, model, channels, classes, old, out)


def sizes_of(model: LibraryModel, state: Mapping[str, Tensor]) -> tuple[int, int]:
    """Channels of the images and number of classes, from the shapes of the weights."""
    default = create(model, COLOURS, 1000).state_dict()
    unlike = {name: state[name].shape for name, value in default.items() if state[name].shape != value.shape}
    channels = next((s[1] for name, s in unlike.items() if s[1:2] != default[name].shape[1:2]), COLOURS)
    classes = next((s[0] for name, s in unlike.items() if s[0] != default[name].shape[0]), 1000)
    return channels, classes


def replaced_classes(network: nn.Module, model: LibraryModel) -> list[type[nn.Module]]:
    """The classes of the replaced activations, including those of replaced functions."""
    types = hidden_types(model.kind)
    found = gem.replace_activations(network, types, nn.Identity, functional=True, where=is_hidden, dry_run=True)
    names = dict.fromkeys(place.activation for place in found if place.kind == "module" or model.swap == "complete")
    present = {type(module) for module in network.modules()}
    by_name = {kind.__name__: kind for kind in types if kind in present}
    by_function = {kind.__name__.lower().replace("leakyrelu", "leaky_relu"): kind for kind in TORCH}
    return list(dict.fromkeys(by_name.get(name) or by_function[name] for name in names))


def loading_lines(
    config: Config, model: LibraryModel, channels: int, classes: int, old: list[type[nn.Module]], out: Path
) -> list[str]:
    options: dict[str, Any] = {"num_classes": classes} | ({"in_chans": channels} if channels != COLOURS else {})
    create_call = "timm.create_model" if model.kind == "timm" else "torchvision.models.get_model"
    imports, new = activation_words(config.activation)
    types = ", ".join(f"{kind.__module__}.{kind.__name__}" for kind in old)
    return [
        f"import gem, torch, {model.kind}, {', '.join(sorted({kind.__module__ for kind in old}))}",
        "from safetensors.torch import load_file",
        *imports,
        f"model = {create_call}({model.architecture!r}, {keywords(options | model.options)})",
        f"gem.replace_activations(model, ({types},), {new}, functional={model.swap == 'complete'})",
        f"model.load_state_dict(load_file({str(out / 'model.safetensors')!r}))",
    ]
