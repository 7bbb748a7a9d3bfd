"""Checks the configuration of a record: its types, its hash, its family and its plan."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.activations.resolve import typed_activation
from experiments.config.identity import hash_of, science_of
from experiments.config.resolve import typed_dataset, typed_model, typed_recipe
from experiments.config.schema import Recipe
from experiments.config.typed import typed
from experiments.errors import UserError, must_be
from experiments.families.family import Family
from experiments.families.registry import family_of_model
from experiments.records.checks.fields import OBJECT, TEXT, Rule, field_faults, shown
from experiments.records.record import GROUPS

ANYTHING = Rule("anything", lambda _: True)
RULES = dict.fromkeys(GROUPS, OBJECT)
TARGET = {"name": TEXT, "target": TEXT, "source": TEXT}


@dataclass(frozen=True)
class Configuration:
    """``run`` is the hash. ``holds_out``: whether evaluation is on held-out training data instead of the test set."""

    run: str
    family: Family
    recipe: Recipe
    holds_out: bool


def configuration_faults(config: Any, run: Any) -> list[str]:
    """Reasons why ``config`` is not the configuration with hash ``run``."""
    faults = field_faults(config, RULES, "config")
    if faults:
        return faults
    text = json.dumps(config)
    faults = [*type_faults(text), *target_faults(config["activation"])]
    if faults:
        return faults
    try:
        found = typed_configuration(text).run
    except (UserError, ValueError) as error:  # ValueError from JSON: a number that is not finite
        return [f"config.{error}"]
    return [] if found == run else [f"run={shown(run)}: its configuration has the hash {found[:8]}…"]


def configuration_of(config: Mapping[str, Any]) -> Configuration:
    """The typed configuration of a record without faults."""
    return typed_configuration(json.dumps(config))


@functools.lru_cache(maxsize=4096)
def typed_configuration(config: str) -> Configuration:
    """The typed configuration, computed once for all seeds. Raises UserError.

    A custom activation is not loaded, because its source may be missing here.
    """
    groups = json.loads(config)
    family = family_of_model(groups["model"].get("kind"))
    activation = groups["activation"]
    dataset, recipe = typed_dataset(family, groups["dataset"]), typed_recipe(family, groups["recipe"])
    values = science_of(
        dataset,
        typed_model(family, groups["model"]),
        recipe,
        activation if "target" in activation else typed_activation(activation, {}),
    )
    return Configuration(hash_of(values), family, recipe, bool(getattr(dataset, "holdout", None)))


@functools.lru_cache(maxsize=4096)
def type_faults(config: str) -> tuple[str, ...]:
    """Values of a type that typing would convert silently, such as ``"lr": "0.1"``."""
    groups = json.loads(config)
    kind, source = groups["model"].get("kind"), groups["dataset"].get("source")
    try:
        family = family_of_model(str(kind))
        if str(source) not in family.datasets:
            return (must_be("config.dataset.source", shown(source), f"one of {', '.join(family.datasets)}"),)
        schemas = {"dataset": family.datasets[str(source)], "model": family.models[str(kind)], "recipe": family.recipe}
        faults = []
        for group, schema in schemas.items():
            exact = typed(schema, groups[group], f"{group}.")
            for key, value in groups[group].items():
                if not same_type(value, getattr(exact, key)):
                    faults.append(must_be(f"config.{group}.{key}", shown(value), shown(getattr(exact, key))))
        return tuple(faults)
    except UserError as error:
        return (f"config.{error}",)


def same_type(value: Any, exact: Any) -> bool:
    """Whether value and type are equal. JSON may write a float without a point."""
    if isinstance(exact, list):
        return isinstance(value, list) and len(value) == len(exact) and all(map(same_type, value, exact))
    types = (int, float) if type(exact) is float else (type(exact),)
    return type(value) in types and bool(value == exact)


def target_faults(activation: dict[str, Any]) -> list[str]:
    """Faults of a custom activation: its name, its place and the digest of its source."""
    if "target" not in activation and "source" not in activation:
        return []
    parameters = {key: ANYTHING for key in activation if key not in TARGET}
    return field_faults(activation, TARGET | parameters, "config.activation")
