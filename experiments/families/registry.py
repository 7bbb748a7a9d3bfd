"""Finds the families: the folders beside this file, and those of installed packages.

A package offers one through the entry point group ``gem_activations.families``: a subclass of ``Family`` or an
instance of one. A family may bring its configuration files in a folder ``configs`` of its own.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from experiments import families as folder
from experiments.errors import UserError
from experiments.families.family import Family

GROUP = "gem_activations.families"


@functools.cache
def families() -> Mapping[str, Family]:
    """Every family by its kind. Raises UserError if two claim the same kind, or the same kind of model."""
    found: dict[str, Family] = {}
    owners: dict[str, str] = {}
    for family in [*own_families(), *(offered_family(entry) for entry in offers())]:
        if family.kind in found:
            raise UserError(f"family {family.kind!r}: offered twice; uninstall one of the two packages")
        for kind in family.models:
            if kind in owners:
                raise UserError(f"model.kind={kind}: offered by the families {owners[kind]} and {family.kind}")
            owners[kind] = family.kind
        found[family.kind] = family
    return found


def own_families() -> list[Family]:
    modules = sorted(name for _, name, is_package in pkgutil.iter_modules(folder.__path__) if is_package)
    return [importlib.import_module(f"{folder.__name__}.{name}").FAMILY for name in modules]


def offers() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def offered_family(entry: EntryPoint) -> Family:
    try:
        loaded = entry.load()
    except Exception as error:  # an installed module may raise anything
        raise UserError(f"family {entry.name}: {entry.value} cannot be loaded: {error!r}") from error
    made = loaded() if isinstance(loaded, type) else loaded
    if not isinstance(made, Family):
        raise UserError(f"family {entry.name}: {entry.value} must be a subclass of experiments.families.family.Family")
    return made


def config_folders() -> list[Path]:
    """The folders ``configs`` of families, found without importing their modules."""
    places = sorted(Path(folder.__path__[0]).glob("*"))
    for entry in offers():
        spec = find_spec(entry.module.partition(".")[0])
        if spec and spec.origin:
            places.append(Path(spec.origin).parent)
    return [place / "configs" for place in places if (place / "configs").is_dir()]


def family_of_model(kind: object) -> Family:
    """The family whose models include ``kind``. Raises UserError naming the known kinds."""
    for family in families().values():
        if kind in family.models:
            return family
    known = ", ".join(kind for family in families().values() for kind in family.models)
    raise UserError(f"model.kind={kind}: must be one of {known}")
