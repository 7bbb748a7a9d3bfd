"""Composition by Hydra: the schemas' defaults below the YAML files, for train.py and for scripts alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from experiments.config.resolve import resolve
from experiments.config.rules import defaults
from experiments.config.schema import (
    Config,
    ImageDataset,
    ImageRecipe,
    Impl,
    TextDataset,
    TextRecipe,
    Tracking,
)

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def register_defaults() -> None:
    """Let every key of the schemas be given on the command line, also those a YAML file does not mention.

    Below ``hydra/`` so that --help does not list them among the groups a user chooses from. Values are
    typed in one place, ``resolve``, which words the complaints.
    """
    groups = {
        "dataset": defaults(TextDataset) | defaults(ImageDataset),
        "recipe": defaults(TextRecipe) | defaults(ImageRecipe),
        "impl": defaults(Impl),
        "tracking": defaults(Tracking),
    }
    for name, values in groups.items():
        ConfigStore.instance().store(group="hydra/defaults", name=name, node=values, package=name)


def compose(overrides: Sequence[str]) -> DictConfig:
    """What ``python train.py <overrides>`` would be given. Raises Hydra's errors."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return hydra_compose("train", list(overrides))


def compose_run(overrides: Sequence[str]) -> Config:
    """The typed configuration of one run."""
    return resolve(compose(overrides))


register_defaults()
