"""A preset as written in its file, now or at any commit: its plan with inherited keys. Nothing is composed or typed."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import yaml

Node = Mapping[str, Any]
ReadPreset = Callable[[str], Node]  # the content of a preset's YAML file by its name; empty if there is none

PLAN: Node = {  # the keys of a plan, and their meaning if a key is absent
    "cells": (),
    "seeds": 0,
    "explored": 0,
    "reference": "activation=gelu",
    "metric": "test_accuracy",
    "comparison": "paired",
    "looks": [],
    "spending": "pocock",
    "tune": None,
    "margin": None,
    "families": [],
}


@functools.lru_cache(maxsize=4096)
def load_yaml(text: str) -> Node:
    node: Node = yaml.safe_load(text) or {}
    return node


def own_text(name: str, key: str, read: ReadPreset) -> str | None:
    """A text below ``experiment:`` in the preset's own file. Inherited texts do not count."""
    found = (read(name).get("experiment") or {}).get(key)
    return str(found) if found else None


def parents(node: Node) -> list[str]:
    """The presets that a file builds on, in the order in which they apply."""
    return [each for each in node.get("defaults") or [] if isinstance(each, str) and each != "_self_"]


def lineage(name: str, read: ReadPreset) -> list[str]:
    """The preset and all presets that it builds on."""
    return [name, *(other for parent in parents(read(name)) for other in lineage(parent, read))]


def experiment_node(name: str, read: ReadPreset) -> dict[str, Any]:
    """``experiment:`` of the preset over those that it builds on."""
    node: dict[str, Any] = {}
    for parent in parents(read(name)):
        node |= experiment_node(parent, read)
    return node | (read(name).get("experiment") or {})


def plan_of(name: str, read: ReadPreset, comparison: str = "paired") -> dict[str, Any]:
    """The keys of ``PLAN``. Grids are included in the cells, whose order does not matter.

    ``comparison``: the test of a preset that names none.
    """
    node = experiment_node(name, read)
    products = [" ".join(words) for grid in node.get("grids") or [] for words in itertools.product(*grid)]
    cells = {" ".join(sorted(cell.split())) for cell in [*(node.get("cells") or []), *products]}
    stated = {key: value for key, value in node.items() if key in PLAN}
    return {**PLAN, "comparison": comparison, **stated, "cells": sorted(cells)}
