"""A checkpoint file: one header line (format, sha256 and length of the rest), then the output of ``torch.save``."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import torch

MAGIC = b"gem-checkpoint 1"


class Broken(Exception):
    """A checkpoint that cannot be used; the message is the reason."""


def header_of(payload: bytes) -> bytes:
    return b"%s %s %d\n" % (MAGIC, hashlib.sha256(payload).hexdigest().encode(), len(payload))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The verified content of one checkpoint file, tensors on the CPU. Raises Broken."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Broken(f"cannot be read: {error.strerror}") from error
    header, newline, payload = data.partition(b"\n")
    match = re.fullmatch(MAGIC + rb" ([0-9a-f]{64}) (\d+)", header)
    if not newline or not match:
        raise Broken("its header is not that of a checkpoint")
    if len(payload) != int(match[2]):
        raise Broken(f"{len(payload)} bytes where {int(match[2])} were written")
    if hashlib.sha256(payload).hexdigest().encode() != match[1]:
        raise Broken("its checksum differs")
    state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return state
