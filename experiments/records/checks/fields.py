"""Rules for the fields of a JSON object: required and optional keys, and the allowed values of each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from experiments.errors import must_be

LONGEST = 60  # characters of a value in a message


@dataclass(frozen=True)
class Rule:
    """``allowed`` in words, ``check`` as a predicate. An ``optional`` key may be absent."""

    allowed: str
    check: Callable[[Any], bool]
    optional: bool = False


def field_faults(values: Any, rules: Mapping[str, Rule], place: str) -> list[str]:
    """Faults of ``values``, an object with these keys and no others; ``place`` precedes keys in messages."""
    if not isinstance(values, dict):
        return [must_be(place or "record", shown(values), "an object")]
    prefix = f"{place}." if place else ""
    faults = [f"{prefix}{key}: missing" for key, rule in rules.items() if key not in values and not rule.optional]
    for key, value in values.items():
        if key not in rules:
            faults.append(f"{prefix}{key}: unknown key")
        elif not rules[key].check(value):
            faults.append(must_be(f"{prefix}{key}", shown(value), rules[key].allowed))
    return faults


def shown(value: Any) -> str:
    """``value`` as JSON, shortened if it is long."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is a finite number; true and false are none."""
    return type(value) in (int, float) and math.isfinite(value)


def is_whole(value: Any, least: int = 0) -> TypeGuard[int]:
    return type(value) is int and value >= least


def is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and bool(value)


WHOLE = Rule("an integer of at least 0", is_whole)
COUNT = Rule("an integer of at least 1", lambda value: is_whole(value, 1))
NUMBER = Rule("a finite number", is_number)
POSITIVE = Rule("a finite number above 0", lambda value: is_number(value) and value > 0)
TEXT = Rule("a text that is not empty", is_text)
SWITCH = Rule("true or false", lambda value: isinstance(value, bool))
OBJECT = Rule("an object that is not empty", is_object)
