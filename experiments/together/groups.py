"""Which runs may train in one process: those that differ in seed and ε alone, ``impl.seeds_per_process`` at a time."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from experiments.config import Config

Item = TypeVar("Item")


def groups(runs: Iterable[tuple[Item, Config]]) -> list[list[Item]]:
    """The runs, grouped, in the order of the groups' first runs. The seeds of one ε go together as far as they can:
    a group of a single ε steps faster."""
    kinds: dict[str, dict[str, list[tuple[int, Item]]]] = {}
    sizes = {}
    for number, (item, config) in enumerate(runs):
        kind = key(config, seed=None, activation=config.activation | {"eps": None})
        sizes[kind] = config.impl.seeds_per_process
        kinds.setdefault(kind, {}).setdefault(key(config, seed=None), []).append((number, item))
    found = []
    for kind, cells in kinds.items():
        alike = list(itertools.chain.from_iterable(cells.values()))
        found += [alike[start : start + sizes[kind]] for start in range(0, len(alike), sizes[kind])]
    return [
        [item for _, item in group] for group in sorted(found, key=lambda group: min(number for number, _ in group))
    ]


def key(config: Config, **same: Any) -> str:
    return json.dumps(dataclasses.asdict(config) | same, sort_keys=True)


def packs(grouped: Sequence[Sequence[Item]], size: int) -> list[list[Item]]:
    """Groups, whole, in packs of at least one group and otherwise at most ``size`` runs."""
    found: list[list[Item]] = []
    for group in grouped:
        if found and len(found[-1]) + len(group) <= size:
            found[-1] += group
        else:
            found.append(list(group))
    return found
