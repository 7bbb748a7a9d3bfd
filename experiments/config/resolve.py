"""From Hydra's composed configuration to a typed, checked :class:`Config`; every complaint is one line."""

from __future__ import annotations

import copy
import dataclasses
import difflib
import functools
import json
import math
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, ConfigTypeError, OmegaConfBaseException, ValidationError

from experiments.config.rules import defaults
from experiments.config.schema import (
    IMAGE_MODELS,
    TEXT_MODELS,
    Config,
    ImageDataset,
    ImageRecipe,
    Impl,
    Root,
    TextDataset,
    TextRecipe,
    Tracking,
)
from experiments.errors import UserError

ACTIVATION_KEYS = ("N", "eps")

Group = DictConfig | dict[str, Any]  # composed by Hydra, or read from a record


def resolve(cfg: DictConfig) -> Config:
    """Type and check the composed configuration. Raises UserError naming key, value and what is allowed."""
    experiment = cfg.get("experiment")
    check_kinds(cfg)
    plain = {
        "dataset": typed_dataset(cfg.dataset),
        "model": typed_model(cfg.model),
        "activation": typed_activation(cfg.activation, {key: cfg.get(key) for key in ACTIVATION_KEYS}),
        "recipe": typed_recipe(cfg.recipe),
        "impl": typed(Impl, cfg.impl, "impl."),
        "tracking": typed(Tracking, cfg.tracking, "tracking."),
        "tags": [str(experiment.name)] if experiment else [],
    }
    root = {f.name: cfg[f.name] for f in dataclasses.fields(Root)}
    return Config(**plain, **vars(typed(Root, OmegaConf.create(root), "")))


def check_kinds(cfg: DictConfig) -> None:
    """Pictures want a network and a recipe for pictures, text those for text. Raises UserError."""
    text = is_text(cfg.dataset)
    kind, other = ("text", "images") if text else ("images", "text")
    if (cfg.model.get("kind") in TEXT_MODELS) != text:
        known = ", ".join(TEXT_MODELS if text else IMAGE_MODELS)
        raise UserError(
            f"model={cfg.model.get('name')}: is for {other}, dataset={cfg.dataset.get('name')} is {kind}; "
            f"choose a model of kind {known}, or another dataset"
        )
    if is_text_recipe(cfg.recipe) != text:
        raise UserError(
            f"recipe={cfg.recipe.get('name')}: is for {other}, dataset={cfg.dataset.get('name')} is {kind}; "
            f"choose a recipe for {kind}, which gives {'tokens_per_step' if text else 'epochs'}"
        )


def is_text(dataset: Group) -> bool:
    return dataset.get("source") in ("text", "hub")


def is_text_recipe(recipe: Group) -> bool:
    """By what a recipe of either kind must give; what is missing ("???") is not in it, and one key may be a mistake."""
    return "tokens_per_step" in recipe and not ("epochs" in recipe and "batch_size" in recipe)


def typed_dataset(node: Group) -> ImageDataset | TextDataset:
    files = {"image_folder": "pictures", "text": "text files"}.get(str(node.get("source")))
    if files and node.get("folder") is None:  # "???" comes back as None too
        raise UserError(f"dataset.folder: no value given; give dataset.folder=…, a folder of {files} below data_dir")
    chosen, other = (TextDataset, ImageDataset) if is_text(node) else (ImageDataset, TextDataset)
    dataset: ImageDataset | TextDataset = typed(chosen, node, "dataset.", other)
    return placed(dataset)


def placed(dataset: ImageDataset | TextDataset) -> ImageDataset | TextDataset:
    """With one spelling of its folder, since it counts in the hash. A folder names the data and a part of the run's
    path, so it lies below data_dir. Raises UserError."""
    folder = PurePosixPath(dataset.folder or dataset.name)
    if dataset.source != "hub" and (folder.is_absolute() or ".." in folder.parts):
        raise UserError(must_be("dataset.folder", folder, "a folder below data_dir; give its parent as data_dir=…"))
    if not isinstance(dataset, ImageDataset) or dataset.source == "image_folder":
        return dataset
    for key, value, allowed in (("folder", dataset.folder, (None, dataset.name)), ("size", dataset.size, (None,))):
        if value not in allowed:
            raise UserError(f"dataset.{key}={value}: dataset={dataset.name} has its own; image_folder takes one")
    return dataclasses.replace(dataset, folder=dataset.name if dataset.source == "mnist" else None)


def typed_recipe(node: Group) -> ImageRecipe | TextRecipe:
    chosen, other = (TextRecipe, ImageRecipe) if is_text_recipe(node) else (ImageRecipe, TextRecipe)
    recipe: ImageRecipe | TextRecipe = typed(chosen, node, "recipe.", other)
    if recipe.nesterov and recipe.optimizer == "sgd" and not recipe.momentum:
        raise UserError(must_be("recipe.nesterov", "true", "false where recipe.momentum=0"))
    return recipe


def restore(values: dict[str, Any]) -> Config:
    """The configuration that ``dataclasses.asdict`` made ``values`` of (a config.yaml, say), typed and checked anew."""
    tags = values["tags"]
    rest = {key: value for key, value in values.items() if key != "tags"}
    return resolve(OmegaConf.create(rest | {"experiment": {"name": tags[0]} if tags else None}))


def typed_model(node: Group) -> Any:
    models = IMAGE_MODELS | TEXT_MODELS
    kind = node.get("kind")
    if kind not in models:
        raise UserError(f"model.kind={kind}: must be one of {', '.join(models)}")
    model = typed(models[kind], node, "model.")
    if kind in TEXT_MODELS and model.width % model.heads:
        raise UserError(must_be("model.heads", model.heads, f"a divisor of model.width={model.width}"))
    return model


def typed(schema: type, node: Group, prefix: str, sibling: type | None = None) -> Any:
    """``node`` as an instance of the dataclass ``schema``; ``prefix`` stands before keys in messages.

    The composition knows the keys of both kinds of dataset and recipe: those of the ``sibling`` that still have
    their default are passed over.
    """
    plain = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    values = json.dumps(plain)
    return copy.deepcopy(typed_json(schema, values, prefix, sibling))


@functools.lru_cache(maxsize=1024)
def typed_json(schema: type, values: str, prefix: str, sibling: type | None) -> Any:
    """``typed`` of values as JSON, once for equal values: a table has hundreds of cells that differ in one."""
    node = OmegaConf.create(json.loads(values))
    fields = {f.name: f for f in dataclasses.fields(schema)}
    idle = defaults(sibling) if sibling else {}
    for key in node:
        if key not in fields and not (key in idle and (OmegaConf.is_missing(node, key) or node[key] == idle[key])):
            raise UserError(unknown_key(f"{prefix}{key!s}", [prefix + name for name in fields]))
    base = OmegaConf.structured(schema)
    for key in (key for key in node if key in fields and not OmegaConf.is_missing(node, key)):
        raw = node[key]
        try:
            base[key] = raw
        except (ValidationError, ConfigTypeError, ConfigKeyError) as error:
            raise UserError(must_be(f"{prefix}{key!s}", raw, fields[str(key)].metadata["allowed"])) from error
    missing = [prefix + str(key) for key in OmegaConf.missing_keys(base)]
    if missing:
        raise UserError(f"{missing[0]}: no value given; give {missing[0]}=… on the command line")
    try:
        instance = OmegaConf.to_object(base)
    except OmegaConfBaseException as error:
        raise UserError(f"{prefix}*: {error}") from error
    for name, f in fields.items():
        value = getattr(instance, name)
        if not f.metadata["check"](value):
            raise UserError(must_be(prefix + name, value, f.metadata["allowed"]))
    return instance


def typed_activation(node: Group, root: dict[str, Any]) -> dict[str, Any]:
    """``{"name": …, **parameters}`` with the root keys N and eps filled in, checked by building the activation."""
    import gem  # imports torch, which --help and a misspelt group need not wait for

    name = str(node.get("name"))
    if name not in gem.ACTIVATIONS:
        raise UserError(unknown_key(f"activation.name={name}", list(gem.ACTIVATIONS)))
    defaults = dict(gem.ACTIVATIONS[name].defaults)
    given = {str(key): value for key, value in node.items() if key != "name"}
    given.update({key: value for key, value in root.items() if value is not None})
    values = {}
    for key, value in given.items():
        shown = key if key in ACTIVATION_KEYS else f"activation.{key}"
        if key not in defaults:
            takes = ", ".join(k for k in defaults if k in node) or "no parameters"
            raise UserError(f"{shown}={value}: activation={name} has no parameter {key}; it takes {takes}")
        values[key] = cast(shown, value, defaults[key])
    try:
        built(name, json.dumps(values))
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"activation={name}: {error}") from error
    return {"name": name, **values}


@functools.lru_cache(maxsize=1024)
def built(name: str, values: str) -> None:
    """Build it and call it once; torch checks some parameters in the call only."""
    import torch

    import gem

    gem.make_activation(name, **json.loads(values))(torch.zeros(1))


def cast(key: str, value: Any, default: Any) -> Any:
    """``value`` in the type of ``default``; an integer is a number, nothing else is converted."""
    kind = type(default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is kind and not (kind is float and not math.isfinite(value)):
        return value
    words = {int: "an integer of at least 1", float: "a finite number above 0", bool: "true or false", str: "a text"}
    raise UserError(must_be(key, value, words.get(kind, kind.__name__)))


def must_be(key: str, value: Any, allowed: str) -> str:
    return f"{key}={value}: must be {allowed}"


def unknown_key(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
    return f"{key}: unknown; {hint}"
