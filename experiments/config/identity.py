"""What a run is: a hash over the typed values of everything that may change its result, and the place it follows to.

Every key is hashed, but for a key that has the value which is pinned for it: in the family's ``pinned.yaml``, or in
that of the activations. Pins serve the runs that were recorded before all keys were hashed. They are never read
off the code, so a changed default of the code makes another run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.activations.names import activation_label
from experiments.activations.pinned import pinned_activations
from experiments.config.schema import Config, Dataset, Model, Recipe
from experiments.families.registry import family_of_model

NOWHERE = object()


def science(config: Config) -> dict[str, Any]:
    """The values that may change the result, without those that are pinned.

    Typed values, so ``1e-4`` and ``0.0001`` are one number. The seed is not among them: runs that differ
    only in the seed are one configuration.
    """
    return science_of(config.dataset, config.model, config.recipe, config.activation)


def science_of(dataset: Dataset, model: Model, recipe: Recipe, activation: Mapping[str, Any]) -> dict[str, Any]:
    pinned = family_of_model(model.kind).pinned
    return {
        "dataset": identifying(dataset, pinned.get("dataset", {})),
        "model": identifying(model, pinned.get("model", {}).get(model.kind, {})),
        "recipe": identifying(recipe, pinned.get("recipe", {})),
        "activation": identifying_parameters(activation),
    }


def identifying(group: Any, pinned: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a dataclass, without labels and without those that equal their pin."""
    values = {f.name: getattr(group, f.name) for f in dataclasses.fields(group) if f.metadata["identity"]}
    return unpinned(values, pinned)


def identifying_parameters(activation: Mapping[str, Any]) -> dict[str, Any]:
    """Name and parameters, without those that equal their pin; of a target the object's name and its source."""
    pinned = pinned_activations().get(activation["name"], {})
    values = unpinned(activation, pinned)
    if "target" in values:
        values["target"] = str(values["target"]).rpartition(":")[2]
    return values


def unpinned(values: Mapping[str, Any], pinned: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not same(value, pinned.get(key, NOWHERE))}


def same(value: Any, pin: Any) -> bool:
    """Equal in value and type, except that YAML may write a number without a point: 1 is no true, but 1.0."""
    return bool(value == pin) and isinstance(value, bool) == isinstance(pin, bool)


def run_hash(config: Config) -> str:
    """64 hexadecimal digits; the first eight name the directory."""
    return hash_of(science(config))


def hash_of(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def run_path(config: Config) -> Path:
    """``<runs_dir>/<dataset>-<model>/<activation>-<hash8>/seed<k>``"""
    cell = f"{activation_label(config.activation)}-{run_hash(config)[:8]}"
    task = f"{config.dataset.name}-{config.model.name}".replace("/", "-")  # a folder of data may lie in another
    return Path(config.runs_dir) / task / cell / f"seed{config.seed}"


def run_directories(runs_dir: Path, file: str) -> list[Path]:
    """The directories of runs that have ``file``; a directory moved aside, as ``seed1.old``, is no run."""
    found = (path.parent for path in runs_dir.glob(f"*/*/seed*/{file}"))
    return sorted(path for path in found if path.name.removeprefix("seed").isdecimal())


def run_title(config: Config) -> str:
    """``egem-1a2b3c4d/seed0``, as below runs_dir."""
    path = run_path(config)
    return f"{path.parent.name}/{path.name}"
