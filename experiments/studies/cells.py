"""The cells of a preset, composed and typed: each is a row of a table."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf

from experiments.config.compose import CONFIGS, compose, composed_once
from experiments.config.identity import run_hash
from experiments.config.resolve import resolve
from experiments.config.schema import Config
from experiments.errors import UserError, must_be, suggestion
from experiments.families.metric import Metric
from experiments.families.registry import family_of_model
from experiments.studies.presets import Preset


@dataclass(frozen=True)
class Cell:
    """One row of a table: its overrides, its configuration (of seed 0) and its hash.

    ``tuned``: the additional overrides that tuning chose for it.
    """

    overrides: str
    config: Config
    run: str
    tuned: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        return [*self.overrides.split(), *self.tuned]


def make_cell(preset: Preset, overrides: str, extra: Sequence[str] = (), tuned: Sequence[str] = ()) -> Cell:
    """One cell of ``preset``; ``extra`` are overrides for all cells."""
    config = compose_cell(f"experiment={preset.name}", *extra, *overrides.split(), *tuned)
    return Cell(overrides, config, run_hash(config), tuple(tuned))


def cells_of(preset: Preset, extra: Sequence[str] = ()) -> list[Cell]:
    """The preset's cells, untuned. Raises UserError if two of them are the same configuration."""
    cells = [make_cell(preset, overrides, extra) for overrides in preset.cells]
    by_run: dict[str, list[str]] = {}
    for cell in cells:
        by_run.setdefault(cell.run, []).append(cell.overrides)
    twins = [text for texts in by_run.values() if len(texts) > 1 for text in texts]
    if twins:
        raise UserError(f"experiment={preset.name}: these cells are one configuration: {'; '.join(twins)}")
    metric_of(preset, cells)
    return cells


def compose_cell(*words: str) -> Config:
    """The typed configuration of ``words``. Hydra composes it once for each choice of groups.

    Values and the activation are then set on a copy, which takes a hundredth of the time.
    """
    groups = [word for word in words if is_group(word) and not word.startswith("activation=")]
    cfg = composed_once(*groups)
    for word in words:
        if word not in groups:
            key, value = parse_word(word)
            chosen = activation_node(str(value)) if key == "activation" else value
            OmegaConf.update(cfg, key, chosen, merge=False, force_add=key.startswith("activation."))
    return resolve(cfg)


def is_group(word: str) -> bool:
    return (CONFIGS / word.partition("=")[0]).is_dir()


@functools.lru_cache(maxsize=1024)
def parse_word(word: str) -> tuple[str, Any]:
    """Key and value of an override, parsed as Hydra parses it."""
    override = OverridesParser.create().parse_override(word)
    return override.key_or_group, override.value()


@functools.lru_cache(maxsize=64)
def activation_node(name: str) -> DictConfig:
    """Hydra's composition of ``activation=<name>``."""
    try:
        node: DictConfig = compose([f"activation={name}"]).activation
    except MissingConfigException as error:
        raise UserError(must_be("activation", name, f"one of {', '.join(error.options or [])}")) from error
    return node


def metric_of(preset: Preset, cells: Sequence[Cell]) -> Metric:
    """The metric that the preset compares, as the family of its cells declares it. Raises UserError."""
    families = {cell.config.model.kind: family_of_model(cell.config.model.kind) for cell in cells}
    kinds = {family.kind for family in families.values()}
    if len(kinds) > 1:
        raise UserError(f"experiment={preset.name}: its cells belong to several families ({', '.join(sorted(kinds))})")
    family = next(iter(families.values()))
    metric = family.metric(preset.metric)
    if metric is None:
        hint = suggestion(preset.metric, [each.key for each in family.metrics])
        raise UserError(f"experiment.metric={preset.metric}: is no metric of the family {family.kind}; {hint}")
    return metric


def value_at(config: Config, key: str) -> Any:
    """The value of a dotted key such as ``model.depth`` or ``activation.eps``; None if it does not exist."""
    group, _, name = key.partition(".")
    holder = getattr(config, group, None)
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)
