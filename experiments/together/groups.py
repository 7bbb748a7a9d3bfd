"""Which runs may train in one process: those that differ in the seed alone, ``impl.seeds_per_process`` at a time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import TypeVar

from experiments.config import Config

Item = TypeVar("Item")


def groups(runs: Iterable[tuple[Item, Config]]) -> list[list[Item]]:
    """The runs, grouped; groups are in the order of their first runs, runs in the order given."""
    found: list[list[Item]] = []
    open_groups: dict[str, list[Item]] = {}
    for item, config in runs:
        key = but_for_the_seed(config)
        group = open_groups.get(key, [])
        if not group or len(group) >= config.impl.seeds_per_process:
            group = open_groups[key] = []
            found.append(group)
        group.append(item)
    return found


def but_for_the_seed(config: Config) -> str:
    return json.dumps(dataclasses.asdict(config) | {"seed": None}, sort_keys=True)


def packs(grouped: Sequence[Sequence[Item]], size: int) -> list[list[Item]]:
    """Groups, whole, in packs of at least one group and otherwise at most ``size`` runs."""
    found: list[list[Item]] = []
    for group in grouped:
        if found and len(found[-1]) + len(group) <= size:
            found[-1] += group
        else:
            found.append(list(group))
    return found
