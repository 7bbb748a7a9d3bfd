"""Composition by Hydra, for train.py and for scripts: the YAML files, and every key of every schema below them."""

from __future__ import annotations

import dataclasses
import functools
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from experiments.activations.names import CUSTOM
from experiments.activations.target import registered
from experiments.config.resolve import resolve
from experiments.config.schema import Config, Impl, Tracking
from experiments.families.registry import config_folders, families

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
RECORDS = ROOT / "results" / "records"


def register_keys() -> None:
    """Make every key of the schemas known to Hydra, including keys that no YAML file mentions.

    A key that is not given stays missing ("???") and takes its schema's default in ``resolve``. The keys lie below
    ``hydra/``, so that --help does not list them among the groups a user chooses from.
    """
    every = families().values()
    groups: dict[str, Iterable[type]] = {
        "dataset": [schema for family in every for schema in family.datasets.values()],
        "model": [schema for family in every for schema in family.models.values()],
        "recipe": [family.recipe for family in every],
        "impl": [Impl],
        "tracking": [Tracking],
    }
    store = ConfigStore.instance()
    for name, schemas in groups.items():
        keys = {f.name: "???" for schema in schemas for f in dataclasses.fields(schema)}
        keys |= {"family": "???"} if name == "recipe" else {}
        store.store(group="hydra/keys", name=name, node=keys, package=name)


def register_activations() -> None:
    """Register the choices of group ``activation`` without a file: custom ones, and those of installed packages.

    The parameters of an activation are known only after loading it. So Hydra accepts any key, and ``resolve`` checks.
    """
    store = ConfigStore.instance()
    store.store(
        group="hydra/keys", name="activation", node=OmegaConf.create({}, flags={"struct": False}), package="activation"
    )
    for name in (CUSTOM, *registered()):
        values = {"name": name} | ({"target": "???"} if name == CUSTOM else {})
        store.store(group="activation", name=name, node=values, package="activation")


def compose(overrides: Sequence[str], with_hydra: bool = False) -> DictConfig:
    """The configuration of ``python train.py <overrides>``. ``with_hydra`` keeps the node hydra. Raises Hydra's errors.

    It works inside a Hydra application (a launcher) too: the application's state is set aside for the call.
    """
    outer, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            return hydra_compose("train", list(overrides), return_hydra_config=with_hydra)
    finally:
        GlobalHydra.instance().hydra = outer


def composed_once(*overrides: str) -> DictConfig:
    """A copy of the cached ``compose``. Unpickling it is about twice as fast as ``deepcopy``."""
    copied: DictConfig = pickle.loads(_pickled(*overrides))
    return copied


@functools.lru_cache(maxsize=256)
def _pickled(*overrides: str) -> bytes:
    return pickle.dumps(compose(overrides))


def hydra_word(word: str) -> str:
    """``launcher=slurm`` and ``launcher.partition=gpu`` in Hydra's spelling; every other word unchanged."""
    if word.startswith("launcher="):
        return f"hydra/{word}"
    return f"hydra.{word}" if word.startswith("launcher.") else word


def compose_launcher(words: Sequence[str]) -> dict[str, Any]:
    """The settings of ``hydra/launcher``: words such as ``launcher=slurm`` and ``launcher.partition=gpu``."""
    node = compose([hydra_word(word) for word in words], with_hydra=True).hydra.launcher
    settings: dict[str, Any] = OmegaConf.to_container(node, resolve=True)  # type: ignore[assignment]
    return settings


def config_files(group: str) -> dict[str, Path]:
    """The YAML files of a group by name: those in ``configs`` and those of installed families."""
    folders = [*reversed(config_folders()), CONFIGS]
    return {path.stem: path for folder in folders for path in sorted((folder / group).glob("*.yaml"))}


def compose_run(overrides: Sequence[str]) -> Config:
    """The typed configuration of one run."""
    return resolve(compose(overrides))


register_keys()
register_activations()
