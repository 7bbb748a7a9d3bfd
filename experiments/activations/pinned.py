"""Values of the activations' parameters that a run's hash leaves out: pinned in a file, never read off the code."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml


@functools.cache
def pinned_activations() -> dict[str, dict[str, Any]]:
    """By activation, the values at which a parameter is left out of the hash."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("pinned.yaml").read_text())
    return found
