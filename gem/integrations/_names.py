"""Names that hold an activation and its parameters, for libraries that choose an activation by a string."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

ALL = ("gem", "egem", "segem", "segem_linear", "segem_bounded", "golu")
NAME = re.compile(
    r"(?P<activation>segem_linear|segem_bounded|gem|egem|segem|golu)(?P<rest>(?:_[a-z]+[0-9.e+-]*(?:m[0-9]+)?)*)"
)
PARAMETER = re.compile(
    r"_(?P<key>n|eps|slope|bound|alpha|beta|gamma|channels|dim)"
    r"(?P<value>[0-9]+(?:\.[0-9]*)?(?:e[+m-]?[0-9]+)?|m[0-9]+|-[0-9]+)"
    r"|_(?P<flag>scale|learnable|output)(?=_|$)"
)
KEYS = {"n": "N", "slope": "negative_slope", "dim": "channel_dim"}
FLAGS: dict[str, tuple[str, Any]] = {
    "scale": ("convention", "scale"),
    "learnable": ("learnable", True),
    "output": ("save", "output"),
}


def parse_name(name: str) -> tuple[str, dict[str, Any]]:
    """Activation and parameters of a name such as ``egem_n2_eps1em4`` or ``segem_n1_eps1_slope0.1_scale``.

    Activations: gem, egem, segem, segem_linear, segem_bounded and golu. Keys, each followed by its value: n (N), eps,
    slope (negative_slope), bound, alpha, beta, gamma, channels, dim (channel_dim). Words: ``scale`` for that
    convention, ``learnable``, and ``output`` for ``save="output"``. A minus sign is written ``m``, so 1e-4 is
    ``1em4``, because some libraries split names at ``-``. Names with ``-`` are accepted too. Raises ValueError for any
    other name.
    """
    whole = NAME.fullmatch(name)
    rest = whole["rest"] if whole else ""
    params: dict[str, Any] = {}
    position, twice = 0, False
    while part := PARAMETER.match(rest, position):
        if part["flag"]:
            key, value = FLAGS[part["flag"]]
        else:
            key, value = KEYS.get(part["key"], part["key"]), _number(part["value"].replace("m", "-"), part["key"])
        twice |= key in params
        params[key] = value
        position = part.end()
    if not whole or twice or position != len(rest):
        raise ValueError(
            f"name must be gem, egem, segem, segem_linear, segem_bounded or golu with parameters, "
            f"as in 'egem_n2_eps1em4', got {name!r}"
        )
    return whole["activation"], params


def is_ours(name: str) -> bool:
    """Whether :func:`parse_name` accepts ``name``."""
    try:
        parse_name(name)
    except ValueError:
        return False
    return True


def unknown_name(name: object, known: Iterable[str], function: str) -> str:
    """The message for an unregistered name: how to register it if it is ours, else which names exist."""
    if isinstance(name, str) and is_ours(name):
        return f"activation {name!r} is not registered: call {function}({name!r}) first"
    return f"activation must be one of {', '.join(known)}, got {name!r}"


def _number(text: str, key: str) -> int | float:
    return int(text) if key in ("n", "channels", "dim") and text.lstrip("-").isdigit() else float(text)
