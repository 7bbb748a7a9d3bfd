"""Typed configuration fields that know their allowed values and word them for the error line."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

REQUIRED = dataclasses.MISSING


def rule(allowed: str, check: Callable[[Any], bool], default: Any = REQUIRED, identity: bool = True) -> Any:
    """A dataclass field: ``allowed`` in words, ``check`` as a predicate.

    ``identity=False`` keeps the field out of the run's hash: it is a label, not a value.
    """
    metadata = {"allowed": allowed, "check": check, "identity": identity}
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: default.copy(), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def one_of(*choices: str, default: Any = REQUIRED) -> Any:
    return rule("one of " + ", ".join(choices), lambda value: value in choices, default)


def positive_int(default: Any = REQUIRED) -> Any:
    return rule("an integer of at least 1", lambda value: value >= 1, default)


def whole(default: Any = REQUIRED) -> Any:
    return rule("an integer of at least 0", lambda value: value >= 0, default)


def positive(default: Any = REQUIRED) -> Any:
    return rule("a finite number above 0", lambda value: math.isfinite(value) and value > 0, default)


def non_negative(default: Any = REQUIRED) -> Any:
    return rule("a finite number of at least 0", lambda value: math.isfinite(value) and value >= 0, default)


def fraction(default: Any = REQUIRED) -> Any:
    return rule("a number from 0 up to, not including, 1", lambda value: 0 <= value < 1, default)


def optional(field: Any, default: Any = None) -> Any:
    """The same rule with ``null`` allowed; the default is ``null`` unless another is given."""
    allowed, check = field.metadata["allowed"], field.metadata["check"]
    return rule(f"{allowed}, or null", lambda value: value is None or check(value), default, field.metadata["identity"])


def switch(default: bool) -> Any:
    return rule("true or false", lambda value: isinstance(value, bool), default)


def label() -> Any:
    """A name shown to people; it changes nothing, so it is not part of the identity."""
    return rule("a text", lambda value: bool(value), identity=False)


def text(default: Any = REQUIRED) -> Any:
    return rule("a text that is not empty", lambda value: bool(value), default)
