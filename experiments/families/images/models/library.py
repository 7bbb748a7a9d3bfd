"""Classifiers of torchvision and timm, built by name, with the configured activation instead of their own."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from typing import Any

from torch import nn

from experiments.activations.build import MakeActivation
from experiments.errors import UserError
from experiments.families.images.models.swap import put_in
from experiments.families.images.schema import LibraryModel
from experiments.randomness import global_stream

SET_HERE = ("num_classes", "in_chans", "pretrained", "weights", "act_layer")  # not allowed in ``options``


@functools.cache
def architectures(library: str) -> tuple[str, ...]:
    """The names of all classifiers of ``library``."""
    if library == "timm":
        import timm

        return tuple(timm.list_models())
    from torchvision import models

    return tuple(models.list_models(module=models))


def check_library_model(config: LibraryModel) -> None:
    """Raise UserError for an unknown architecture, and for options that a user may not set."""
    names = architectures(config.kind)
    if config.architecture not in names:
        close = difflib.get_close_matches(config.architecture, names, n=3)
        way_out = f"did you mean {' or '.join(close)}?" if close else f"{config.kind} lists its models"
        raise UserError(f"model.architecture={config.architecture}: unknown to {config.kind}; {way_out}")
    for key in SET_HERE:
        if key in config.options:
            raise UserError(f"model.options={given(config.options)}: must leave out {key}, which this suite sets")


def build_library_model(
    config: LibraryModel, activation: MakeActivation, shape: tuple[int, int, int], classes: int, seed: int
) -> tuple[nn.Module, type[nn.Module]]:
    """The network, and the type of its activations. Its library initialises it from ``seed``, for any activation alike.

    Raises UserError if the library rejects the options or the network cannot take the activation.
    """
    shown = f"model.architecture={config.architecture}"
    if config.kind == "torchvision" and shape[0] != 3:
        raise UserError(f"{shown}: takes images of 3 channels, these have {shape[0]}; model=timm takes any number")
    with global_stream(seed, "init"):
        try:
            model = create(config, shape[0], classes)
        except Exception as error:  # constructors raise many types
            raise UserError(
                f"{shown} model.options={given(config.options)}: {type(error).__name__}: {error}"
            ) from error
    return model, put_in(model, activation, config.kind, config.swap, shown)


def create(config: LibraryModel, channels: int, classes: int) -> nn.Module:
    """The network as the library builds it."""
    model: nn.Module
    if config.kind == "timm":
        import timm

        model = timm.create_model(config.architecture, num_classes=classes, in_chans=channels, **config.options)
        return model
    import torchvision

    model = torchvision.models.get_model(config.architecture, weights=None, num_classes=classes, **config.options)
    return model


def given(options: Mapping[str, Any]) -> str:
    """``{depth: 4}``, as typed on a command line."""
    return "{" + ", ".join(f"{key}: {value}" for key, value in options.items()) + "}"
