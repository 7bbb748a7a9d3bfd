"""From words of the command line to runs. Each is composed, typed and checked now, not when its job starts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments import exits
from experiments.config.compose import RECORDS, compose, compose_run
from experiments.config.identity import run_hash, run_path, run_title
from experiments.config.resolve import restore
from experiments.config.schema import Config, Root
from experiments.config.typed import typed
from experiments.errors import UserError
from experiments.studies.expansion import Expansion, expand_jobs

PATHS = ("runs_dir", "data_dir", "cache_dir")


@dataclass(frozen=True)
class Planned:
    """One planned run: its overrides, and its configuration with absolute paths."""

    overrides: tuple[str, ...]
    config: Config

    @property
    def directory(self) -> Path:
        return run_path(self.config)

    @property
    def title(self) -> str:
        return run_title(self.config)

    @property
    def command(self) -> str:
        return " ".join(["python train.py", *self.overrides])

    def frozen(self) -> dict[str, Any]:
        """The values that a sweep's file keeps of the run; ``thaw`` restores them."""
        return {
            "title": self.title,
            "run": run_hash(self.config),
            "directory": str(self.directory),
            "command": self.command,
            "config": dataclasses.asdict(self.config),
        }


def thaw(frozen: dict[str, Any]) -> Config:
    """The configuration of ``Planned.frozen``, typed and checked again. Raises UserError if its hash differs."""
    config = restore(frozen["config"])
    if run_hash(config) != frozen["run"]:
        raise UserError(f"{frozen['title']}: its configuration changed since it was submitted; submit again")
    return config


def expand_words(words: Sequence[str]) -> Expansion:
    """The overrides of every run, as ``python train.py -m <words>`` would expand them. Raises Hydra's errors."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    parsed = OverridesParser.create().parse_overrides(list(words))
    jobs = BasicSweeper.split_arguments(parsed, None)[0]
    single = [word for word, override in zip(words, parsed, strict=True) if not override.is_sweep_override()]
    return expand_jobs(compose(single).get("experiment"), jobs, RECORDS)


class Composer:
    """Composes runs. Runs that differ only in the seed are composed once. Raises UserError and Hydra's errors."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, ...], Config] = {}

    @staticmethod
    def cell(job: Sequence[str]) -> tuple[str, ...]:
        return tuple(word for word in job if not word.startswith("seed="))

    def __call__(self, job: Sequence[str]) -> Planned:
        cell = self.cell(job)
        config = reseeded(self.cells[cell], job) if cell in self.cells else compose_run(job)
        self.cells.setdefault(cell, config)
        config = dataclasses.replace(config, **{key: os.path.abspath(getattr(config, key)) for key in PATHS})
        return Planned(tuple(job), config)


def plan(jobs: Sequence[Sequence[str]]) -> tuple[list[Planned], dict[str, str]]:
    """The runs in order, each once, and the error of each job that cannot be composed, by its overrides."""
    compose = Composer()
    runs: dict[Path, Planned] = {}
    wrong: dict[str, str] = {}
    for job in jobs:
        try:
            planned = compose(job)
        except (UserError, HydraException, OmegaConfBaseException) as error:
            wrong[" ".join(job)] = exits.words(error)
            continue
        runs.setdefault(planned.directory, planned)
    return list(runs.values()), wrong


def reseeded(config: Config, job: Sequence[str]) -> Config:
    words = [word for word in job if word.startswith("seed=")]
    root = {f.name: getattr(config, f.name) for f in dataclasses.fields(Root)}
    node = OmegaConf.merge(OmegaConf.create(root), OmegaConf.from_dotlist(words))
    return dataclasses.replace(config, seed=typed(Root, OmegaConf.create(dict(node)), "").seed)
