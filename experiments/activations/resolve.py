"""Types the activation of a configuration: its name and every parameter, by the defaults of its signature."""

from __future__ import annotations

import functools
import inspect
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.activations.names import CUSTOM, OWN_KEYS, PLACEMENT, ROOT_KEYS, Activation
from experiments.activations.target import fault, load_target, registered
from experiments.errors import UserError, must_be, unknown_key

REQUIRED = inspect.Parameter.empty
KINDS = {"float": float, "int": int, "bool": bool, "str": str, float: float, int: int, bool: bool, str: str}
ALLOWED = {int: "an integer", float: "a finite number", bool: "true or false", str: "a text"}


def typed_activation(node: DictConfig | Activation, root: Mapping[str, Any]) -> Activation:
    """Name and parameters, with the ``root`` keys N and eps if they are given. Builds it once as a check.

    Raises UserError for an unknown name or parameter, a value of another type, and any value that its code rejects.
    """
    plain = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    assert isinstance(plain, dict)
    given = {str(key): value for key, value in plain.items() if key not in OWN_KEYS and value != "???"}
    given |= {key: value for key, value in root.items() if value is not None}
    name = str(plain.get("name"))
    target = plain.get("target", registered().get(name))
    if name == CUSTOM and target in (None, "???"):
        raise UserError("activation.target: no value given; give activation.target=mine.py:Swash")
    if target is not None:
        return typed_target(name, str(target), plain.get("source"), given)
    import gem  # imports torch: slow, and not needed for --help or a misspelt group

    if name not in gem.ACTIVATIONS:
        raise UserError(unknown_key(f"activation.name={name}", [*gem.ACTIVATIONS, *registered()]))
    values = typed_parameters(name, dict(gem.ACTIVATIONS[name].defaults), given)
    try_out(name, json.dumps(values))
    return {"name": name, **values}


def typed_target(name: str, text: str, known: str | None, given: Mapping[str, Any]) -> Activation:
    """A custom activation. ``known``: the digest of its source in an earlier configuration, if there is one."""
    target = load_target(text)
    if known not in (None, target.digest):
        raise UserError(f"activation.target={text}: its source changed since it was submitted; submit again")
    values = typed_parameters(target.name, signature_parameters(target.function), given)
    identity = {"name": name, "target": target.text, "source": target.digest}
    try_out(name, json.dumps(identity | values))
    return identity | values


def signature_parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """Name and default of every parameter; ``REQUIRED`` or a type if there is no default. Skips the input tensor."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # builtin functions have no signature
        return {}
    if not isinstance(function, type):
        found = found[1:]
    named = [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return {p.name: KINDS.get(p.annotation, REQUIRED) if p.default is REQUIRED else p.default for p in named}


def typed_parameters(name: str, parameters: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter; those of ``PLACEMENT`` only if they are given. Raises UserError."""
    for key, value in given.items():
        if key not in parameters:
            takes = ", ".join(key for key in parameters if key not in PLACEMENT) or "no parameters"
            raise UserError(f"{shown_key(key)}={value}: activation={name} has no parameter {key}; it takes {takes}")
    values = {}
    for key, default in parameters.items():
        if key in given:
            values[key] = cast(shown_key(key), given[key], default)
        elif default is REQUIRED or isinstance(default, type):
            raise UserError(f"{shown_key(key)}: no value given; give {shown_key(key)}=…")
        elif key not in PLACEMENT and isinstance(default, bool | int | float | str):
            values[key] = default
    return values


def shown_key(key: str) -> str:
    return key if key in ROOT_KEYS else f"activation.{key}"


def cast(key: str, value: Any, default: Any) -> Any:
    """``value`` in the type of ``default``. An integer is accepted for a float; nothing else is converted."""
    if default is REQUIRED or default is None:
        return value
    kind = default if isinstance(default, type) else type(default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is kind and not (isinstance(value, float) and not math.isfinite(value)):
        return value
    raise UserError(must_be(key, value, ALLOWED.get(kind, kind.__name__)))


@functools.lru_cache(maxsize=1024)
def try_out(name: str, values: str) -> None:
    """Build it and call it once, because torch checks some parameters only in the call. Raises UserError."""
    import torch

    from experiments.activations.build import activation_factory  # imports torch too

    activation = {"name": name, **json.loads(values)}
    shown = f"activation={name}" if "target" not in activation else f"activation.target={activation['target']}"
    try:
        found = activation_factory(activation)()(torch.zeros(1, 2))
    except Exception as error:  # user code may raise anything
        reason = str(error) if "target" not in activation else fault(error)
        raise UserError(f"{shown}: {reason}") from error
    if not isinstance(found, torch.Tensor):
        raise UserError(f"{shown}: must return a tensor, returned {type(found).__name__}")
    if found.shape != (1, 2):
        raise UserError(f"{shown}: must keep the shape of its input, made {tuple(found.shape)} of (1, 2)")
