"""The words of an activation in a configuration, and the name people know it by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Activation = dict[str, Any]  # {"name": …, **parameters}; a stranger's has target and source (its digest) too

CUSTOM = "custom"
ROOT_KEYS = ("N", "eps")  # are given without ``activation.`` before them
OWN_KEYS = ("name", "target", "source")  # are no parameters
PLACEMENT = ("inplace", "device", "dtype", "save")  # say where and how it is computed, not what


def activation_label(activation: Mapping[str, Any]) -> str:
    """The name people know it by: ``egem``, or ``Swash`` of ``mine.py:Swash``."""
    return str(activation["target"]).rpartition(":")[2] if activation["name"] == CUSTOM else str(activation["name"])
