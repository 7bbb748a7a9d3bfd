"""The cells of a preset, composed and typed: what each row of a table stands for."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from experiments.config import Config, run_hash
from experiments.config.compose import CONFIGS, compose
from experiments.config.resolve import resolve
from experiments.errors import UserError
from experiments.presets import Preset


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
        config = resolve(composed(f"experiment={preset.name}", *overrides.split()))
        cells.append(Cell(overrides, config, run_hash(config)))
    by_run: dict[str, list[str]] = {}
    for cell in cells:
        by_run.setdefault(cell.run, []).append(cell.overrides)
    twins = [text for texts in by_run.values() if len(texts) > 1 for text in texts]
    if twins:
        raise UserError(f"experiment={preset.name}: these cells are one configuration: {'; '.join(twins)}")
    return cells


def composed(*words: str) -> DictConfig:
    """As ``compose(words)``, at a tenth of its time where only values differ from an earlier call."""
    is_group = {word: (CONFIGS / word.partition("=")[0]).is_dir() for word in words}
    config = base(*(word for word in words if is_group[word])).copy()
    for override in OverridesParser.create().parse_overrides([word for word in words if not is_group[word]]):
        OmegaConf.update(config, override.key_or_group, override.value())
    return config


@functools.lru_cache(maxsize=64)
def base(*groups: str) -> DictConfig:
    return compose(groups)


def value_at(config: Config, key: str) -> Any:
    """The value of a dotted key such as ``model.depth`` or ``activation.eps``; None where it does not exist."""
    group, _, name = key.partition(".")
    holder = getattr(config, group, None)
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)
