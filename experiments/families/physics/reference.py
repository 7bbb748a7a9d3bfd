"""Reference solutions that take long: computed once, and kept below ``cache_dir``."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from experiments.files import write_atomic


def cached(cache_dir: str, name: str, compute: Callable[[], Tensor]) -> Tensor:
    """The result of ``compute``, or of ``<cache_dir>/physics/<name>.pt`` if that file is there and intact.

    The file begins with the sha256 of the rest. If it is damaged, the result is computed again.
    """
    path = Path(cache_dir) / "physics" / f"{name}.pt"
    data = path.read_bytes() if path.exists() else b""
    digest, _, payload = data.partition(b"\n")
    if hashlib.sha256(payload).hexdigest().encode() == digest:
        found: Tensor = torch.load(io.BytesIO(payload), weights_only=True)
        return found
    computed = compute()
    buffer = io.BytesIO()
    torch.save(computed, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, hashlib.sha256(buffer.getvalue()).hexdigest().encode() + b"\n" + buffer.getvalue())
    return computed
