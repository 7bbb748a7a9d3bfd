"""Composition by Hydra: the schemas' defaults below the YAML files, for train.py and for scripts alike."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

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

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"


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


def compose(overrides: Sequence[str], with_hydra: bool = False) -> DictConfig:
    """What ``python train.py <overrides>`` would be given; ``with_hydra`` keeps the node hydra. Raises Hydra's errors.

    May be called inside a Hydra application (a launcher), whose own state is set aside meanwhile.
    """
    outer, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            return hydra_compose("train", list(overrides), return_hydra_config=with_hydra)
    finally:
        GlobalHydra.instance().hydra = outer


@functools.lru_cache(maxsize=256)
def composed_once(*overrides: str) -> DictConfig:
    """``compose``, kept: the same object for the same words, not to be changed for good."""
    return compose(overrides)


def compose_launcher(words: Sequence[str]) -> dict[str, Any]:
    """The settings of ``hydra/launcher``: words such as ``launcher=slurm`` and ``launcher.partition=gpu``."""
    overrides = [f"hydra/{word}" if word.startswith("launcher=") else f"hydra.{word}" for word in words]
    node = compose(overrides, with_hydra=True).hydra.launcher
    settings: dict[str, Any] = OmegaConf.to_container(node, resolve=True)  # type: ignore[assignment]
    return settings


def compose_run(overrides: Sequence[str]) -> Config:
    """The typed configuration of one run."""
    return resolve(compose(overrides))


register_defaults()
