"""An experiment preset: a table's cells (lists of overrides), seeds, metric, reference and published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig

from experiments.config.compose import CONFIGS, compose
from experiments.config.resolve import typed
from experiments.config.rules import optional, positive_int, rule, text
from experiments.errors import UserError


@dataclass(kw_only=True)
class Preset:
    """``experiment:`` of a file in configs/experiment. A cell is a text of overrides: ``activation=gem N=2``."""

    name: str = text()
    title: str = text()
    seeds: int = positive_int()  # seeds 0 … seeds - 1
    cells: list[str] = rule("a list of texts such as 'activation=gem N=2'", lambda cells: len(cells) > 0, [])
    reference: str = text("activation=gelu")
    metric: str = text("test_accuracy")
    published: list[Any] = field(default_factory=list, metadata={"allowed": "", "check": lambda _: True})
    note: str | None = optional(text())


def preset(node: DictConfig) -> Preset:
    """The typed preset. Raises UserError for an unknown key, a wrong type, or a reference that is no cell."""
    result: Preset = typed(Preset, node, "experiment.")
    if result.reference not in result.cells:
        raise UserError(f"experiment.reference={result.reference}: must be one of the cells {'; '.join(result.cells)}")
    strangers = [entry["cell"] for entry in result.published if entry["cell"] not in result.cells]
    if strangers:
        raise UserError(f"experiment.published: {strangers[0]} is none of the cells {'; '.join(result.cells)}")
    return result


def names() -> list[str]:
    """Every preset in configs/experiment."""
    return sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


def load(name: str) -> Preset:
    """The preset called ``name``. Raises UserError listing the names there are."""
    if name not in names():
        raise UserError(f"experiment {name!r}: must be one of {', '.join(names())}")
    return preset(compose([f"experiment={name}"]).experiment)


def expand(experiment: DictConfig | None, jobs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Cells × seeds × ``jobs`` (lists of ``key=value``), seeds outermost so that early results cover every cell.

    A key the user gave selects among the cells that set it (``activation=gelu`` keeps GELU's cells); a key no
    cell sets is added to all of them. Without a preset the jobs stay as they are.
    """
    if experiment is None:
        return [list(job) for job in jobs]
    plan = preset(experiment)
    cells = [dict(part.split("=", 1) for part in cell.split()) for cell in plan.cells]
    expanded: list[list[str]] = []
    for seed in range(plan.seeds):
        for cell in cells:
            for job in jobs:
                given = dict(part.split("=", 1) for part in job)
                merged = merge(cell, given, seed)
                if merged is not None and merged not in expanded:
                    expanded.append(merged)
    return expanded


def merge(cell: Mapping[str, str], given: Mapping[str, str], seed: int) -> list[str] | None:
    if any(not same(cell[key], value) for key, value in given.items() if key in cell):
        return None
    values = {"seed": str(seed)} | dict(given) | dict(cell)
    return [f"{key}={value}" for key, value in values.items()]


def same(a: str, b: str) -> bool:
    """Equal as values: ``1e-4`` and ``0.0001`` are one number."""
    try:
        return float(a) == float(b)
    except ValueError:
        return a == b
