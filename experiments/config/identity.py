"""What a run is: a hash over the typed values of everything that may change its result, and the place it follows to."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from experiments.config.schema import Config


def science(config: Config) -> dict[str, Any]:
    """The values that may change the result, without those that equal their default (see ``rules.rule``).

    Typed values, so ``1e-4`` and ``0.0001`` are one number. The seed is not among them: runs that differ
    only in the seed are one configuration.
    """
    return {
        "dataset": identifying(config.dataset),
        "model": identifying(config.model),
        "recipe": identifying(config.recipe),
        "activation": parameters(config.activation),
    }


def identifying(group: Any) -> dict[str, Any]:
    values = {}
    for f in dataclasses.fields(group):
        value = getattr(group, f.name)
        default = f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
        if f.metadata["identity"] and (default is dataclasses.MISSING or value != default):
            values[f.name] = value
    return values


def parameters(activation: dict[str, Any]) -> dict[str, Any]:
    """The name and the parameters that differ from the defaults of ``gem``."""
    import gem

    defaults = gem.ACTIVATIONS[activation["name"]].defaults
    return {key: value for key, value in activation.items() if key == "name" or value != defaults[key]}


def run_hash(config: Config) -> str:
    """64 hexadecimal digits; the first eight name the directory."""
    return hash_of(science(config))


def hash_of(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def run_path(config: Config) -> Path:
    """``<runs_dir>/<dataset>-<model>/<activation>-<hash8>/seed<k>``"""
    cell = f"{config.activation['name']}-{run_hash(config)[:8]}"
    task = f"{config.dataset.name}-{config.model.name}".replace("/", "-")  # a folder of data may lie in another
    return Path(config.runs_dir) / task / cell / f"seed{config.seed}"


def run_directories(runs_dir: Path, file: str) -> list[Path]:
    """Of the runs that have ``file``; a directory moved aside, as ``seed1.old``, is no run."""
    found = (path.parent for path in runs_dir.glob(f"*/*/seed*/{file}"))
    return sorted(path for path in found if path.name.removeprefix("seed").isdecimal())


def run_title(config: Config) -> str:
    """``egem-1a2b3c4d/seed0``, as below runs_dir."""
    path = run_path(config)
    return f"{path.parent.name}/{path.name}"
