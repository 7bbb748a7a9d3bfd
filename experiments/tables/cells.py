"""The cells of a preset, composed and typed: what each row of a table stands for."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from experiments.config import Config, run_hash
from experiments.config.compose import CONFIGS, composed_once
from experiments.config.resolve import must_be, resolve
from experiments.errors import UserError
from experiments.tables.presets import Preset


@dataclass(frozen=True)
class Cell:
    """One row of a table: the overrides that make it, its configuration (of seed 0) and its hash."""

    overrides: str
    config: Config
    run: str


def cells_of(preset: Preset) -> list[Cell]:
    """The preset's cells. Raises UserError if two of them are the same configuration."""
    cells = []
    for overrides in preset.cells:
        with composed(f"experiment={preset.name}", *overrides.split()) as cfg:
            config = resolve(cfg)
        cells.append(Cell(overrides, config, run_hash(config)))
    by_run: dict[str, list[str]] = {}
    for cell in cells:
        by_run.setdefault(cell.run, []).append(cell.overrides)
    twins = [text for texts in by_run.values() if len(texts) > 1 for text in texts]
    if twins:
        raise UserError(f"experiment={preset.name}: these cells are one configuration: {'; '.join(twins)}")
    return cells


@contextmanager
def composed(*words: str) -> Iterator[DictConfig]:
    """What ``compose(words)`` gives, in a hundredth of its time once the groups among the words are known.

    Hydra composes the groups, but for the activation, whose file is a flat list of parameters; then values are set,
    and taken back at the end.
    """
    composing = {word for word in words if is_group(word) and not word.startswith("activation=")}
    config = composed_once(*(word for word in words if word in composing))
    before: dict[str, Any] = {}
    try:
        for key, value in (assignment(word) for word in words if word not in composing):
            top = key.partition(".")[0]
            if top not in before:
                before[top] = copy.deepcopy(config[top])
            OmegaConf.update(config, key, parameters(str(value)) if key == "activation" else value, merge=False)
        yield config
    finally:
        for key, value in before.items():
            OmegaConf.update(config, key, value, merge=False)


def is_group(word: str) -> bool:
    return (CONFIGS / word.partition("=")[0]).is_dir()


@functools.lru_cache(maxsize=1024)
def assignment(word: str) -> tuple[str, Any]:
    """Key and value of an override, read as Hydra reads it."""
    override = OverridesParser.create().parse_override(word)
    return override.key_or_group, override.value()


@functools.lru_cache(maxsize=64)
def parameters(activation: str) -> dict[str, Any]:
    """configs/activation/<name>.yaml"""
    path = CONFIGS / "activation" / f"{activation}.yaml"
    if not path.exists():
        raise UserError(must_be("activation", activation, f"one of {', '.join(choices('activation'))}"))
    return dict(OmegaConf.load(path))


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))


def value_at(config: Config, key: str) -> Any:
    """The value of a dotted key such as ``model.depth`` or ``activation.eps``; None where it does not exist."""
    group, _, name = key.partition(".")
    holder = getattr(config, group, None)
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)
