"""Parameter values of activations that a run's hash leaves out. A file pins them; they never follow the code."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml


@functools.cache
def pinned_activations() -> dict[str, dict[str, Any]]:
    """The pinned value of each parameter, by activation."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("pinned.yaml").read_text())
    return found
