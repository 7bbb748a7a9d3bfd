"""Writes a folder that transformers' ``from_pretrained`` loads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from experiments.files import write_atomic


def save_pretrained(folder: Path, settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Write ``settings`` to ``config.json`` and ``weights`` to ``model.safetensors``, without shared memory."""
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    distinct = {name: value.clone() for name, value in weights.items()}
    write_atomic(folder / "config.json", (json.dumps(settings, indent=2) + "\n").encode())
    write_atomic(folder / "model.safetensors", save(distinct, {"format": "pt"}))
