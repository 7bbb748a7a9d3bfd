"""Composition by Hydra: the schemas' defaults below the YAML files, for train.py and for scripts alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from experiments.config.resolve import resolve
from experiments.config.schema import Config, Dataset, Impl, Recipe, Tracking

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def register_defaults() -> None:
    """Let every key of the schemas be given on the command line, also those a YAML file does not mention.

    Below ``hydra/`` so that --help does not list them among the groups a user chooses from. Values are
    typed in one place, ``resolve``, which words the complaints.
    """
    groups = {"dataset": Dataset, "recipe": Recipe, "impl": Impl, "tracking": Tracking}
    for name, schema in groups.items():
        ConfigStore.instance().store(group="hydra/defaults", name=name, node=defaults(schema), package=name)


def defaults(schema: type[Any]) -> dict[str, Any]:
    values = {}
    for f in dataclasses.fields(schema):
        if f.default_factory is not dataclasses.MISSING:
            values[f.name] = f.default_factory()
        else:
            values[f.name] = "???" if f.default is dataclasses.MISSING else f.default
    return values


def compose(overrides: Sequence[str]) -> DictConfig:
    """What ``python train.py <overrides>`` would be given. Raises Hydra's errors."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return hydra_compose("train", list(overrides))


def compose_run(overrides: Sequence[str]) -> Config:
    """The typed configuration of one run."""
    return resolve(compose(overrides))


register_defaults()
