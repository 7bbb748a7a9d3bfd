"""One group of the configuration as an instance of its dataclass. Every error message is one line."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, ConfigTypeError, OmegaConfBaseException, ValidationError

from experiments.errors import UserError, must_be, unknown_key

Schema = TypeVar("Schema")
Group = DictConfig | dict[str, Any]  # composed by Hydra, or read from a record


def typed(schema: type[Schema], node: Group, prefix: str) -> Schema:
    """``node`` as an instance of the dataclass ``schema``. ``prefix`` precedes keys in messages.

    A missing key ("???") takes the schema's default. Raises UserError for an unknown key, for a value of another type
    or outside its range, and for a missing value without a default.
    """
    plain = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    assert isinstance(plain, dict)
    given = {str(key): value for key, value in plain.items() if value != "???"}
    found: Schema = typed_json(schema, json.dumps(given), prefix)  # type: ignore[arg-type]
    return copy.deepcopy(found)


@functools.lru_cache(maxsize=1024)
def typed_json(schema: type[Any], values: str, prefix: str) -> Any:
    """``typed`` for values as JSON, cached: a table has hundreds of cells that differ in one value."""
    given = json.loads(values)
    fields = {f.name: f for f in dataclasses.fields(schema)}
    for key in given:
        if key not in fields:
            shown = f"{prefix}{key}" if given[key] is None else f"{prefix}{key}={given[key]}"
            raise UserError(unknown_key(shown, [prefix + name for name in fields]))
    base = OmegaConf.structured(schema)
    for key, raw in given.items():
        try:
            base[key] = raw
        except (ValidationError, ConfigTypeError, ConfigKeyError) as error:
            raise UserError(must_be(f"{prefix}{key}", raw, fields[key].metadata["allowed"])) from error
    missing = [prefix + str(key) for key in OmegaConf.missing_keys(base)]
    if missing:
        raise UserError(f"{missing[0]}: no value given; give {missing[0]}=… on the command line")
    try:
        instance = OmegaConf.to_object(base)
    except OmegaConfBaseException as error:
        raise UserError(f"{prefix}*: {error}") from error
    for name, f in fields.items():
        value = getattr(instance, name)
        if not f.metadata["check"](value):
            raise UserError(must_be(prefix + name, value, f.metadata["allowed"]))
    return instance
