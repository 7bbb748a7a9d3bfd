"""Activations with their parameters in a name, for libraries that choose an activation by a text."""

from __future__ import annotations

import re
from typing import Any

NAME = re.compile(r"(?P<activation>gem|egem|segem|golu)(?P<rest>(?:_[a-z]+[0-9.e+-]*)*)")
PARAMETER = re.compile(
    r"_(?P<key>n|eps|slope|alpha|beta|gamma)(?P<value>[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?)|_(?P<flag>scale)"
)


def parse_name(name: str) -> tuple[str, dict[str, Any]]:
    """Activation and parameters of a name such as ``egem_n2_eps1e-4`` or ``segem_n1_eps1_slope0.1_scale``.

    Keys: n (N), eps, slope (negative_slope), alpha, beta, gamma, each with its value, and ``scale`` for that
    convention.
    """
    whole = NAME.fullmatch(name)
    rest = whole["rest"] if whole else ""
    params: dict[str, Any] = {}
    position, twice = 0, False
    while part := PARAMETER.match(rest, position):
        key = {"n": "N", "slope": "negative_slope", None: "convention"}.get(part["key"], part["key"])
        twice |= key in params
        if part["flag"]:
            params[key] = "scale"
        else:
            params[key] = int(part["value"]) if key == "N" and part["value"].isdigit() else float(part["value"])
        position = part.end()
    if not whole or twice or position != len(rest):
        raise ValueError(
            f"name must be gem, egem, segem or golu with parameters, as in 'egem_n2_eps1e-4', got {name!r}"
        )
    return whole["activation"], params
