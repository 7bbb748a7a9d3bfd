"""The identity of a run: a hash over all typed values that may change its result, and the directory it determines.

Every key is hashed unless it has its pinned value. Pins are in the family's ``pinned.yaml`` and in that of the
activations. They keep the hashes of runs that were recorded before all keys were hashed. Pins never follow the code,
so a changed default in the code makes another run.
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
    """The values that may change the result, except those equal to their pin.

    Values are typed, so ``1e-4`` and ``0.0001`` are one number. The seed is not included: runs that differ only in the
    seed share a configuration.
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
    """The values of a dataclass, without labels and without values that equal their pin."""
    values = {f.name: getattr(group, f.name) for f in dataclasses.fields(group) if f.metadata["identity"]}
    return unpinned(values, pinned)


def identifying_parameters(activation: Mapping[str, Any]) -> dict[str, Any]:
    """Name and parameters, without values that equal their pin. For a target: the object's name and its source."""
    pinned = pinned_activations().get(activation["name"], {})
    values = unpinned(activation, pinned)
    if "target" in values:
        values["target"] = str(values["target"]).rpartition(":")[2]
    return values


def unpinned(values: Mapping[str, Any], pinned: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not same(value, pinned.get(key, NOWHERE))}


def same(value: Any, pin: Any) -> bool:
    """Whether value and type are equal. YAML may write a float without a point: 1 equals 1.0, but not true."""
    return bool(value == pin) and isinstance(value, bool) == isinstance(pin, bool)


def run_hash(config: Config) -> str:
    """64 hexadecimal digits. The first eight are in the name of the directory."""
    return hash_of(science(config))


def hash_of(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def run_path(config: Config) -> Path:
    """``<runs_dir>/<dataset>-<model>/<activation>-<hash8>/seed<k>``"""
    cell = f"{activation_label(config.activation)}-{run_hash(config)[:8]}"
    task = f"{config.dataset.name}-{config.model.name}".replace("/", "-")  # names of nested data folders contain "/"
    return Path(config.runs_dir) / task / cell / f"seed{config.seed}"


def run_directories(runs_dir: Path, file: str) -> list[Path]:
    """The run directories that contain ``file``. A directory that was moved aside, such as ``seed1.old``, is no run."""
    found = (path.parent for path in runs_dir.glob(f"*/*/seed*/{file}"))
    return sorted(path for path in found if path.name.removeprefix("seed").isdecimal())


def run_title(config: Config) -> str:
    """``egem-1a2b3c4d/seed0``, as below runs_dir."""
    path = run_path(config)
    return f"{path.parent.name}/{path.name}"
