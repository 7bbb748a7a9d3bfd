"""The keys of an activation in a configuration, and its label for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Activation = dict[str, Any]  # {"name": …, **parameters}; a custom one also has target and source (a digest)

CUSTOM = "custom"
ROOT_KEYS = ("N", "eps")  # may be given without the prefix ``activation.``
OWN_KEYS = ("name", "target", "source")  # keys that are no parameters
PLACEMENT = ("inplace", "device", "dtype", "save")  # parameters that say where and how to compute, not what


def activation_label(activation: Mapping[str, Any]) -> str:
    """The label for people: ``egem``, or ``Swash`` for ``mine.py:Swash``."""
    return str(activation["target"]).rpartition(":")[2] if activation["name"] == CUSTOM else str(activation["name"])
