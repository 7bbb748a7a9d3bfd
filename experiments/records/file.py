"""A record file: JSON Lines, compressed by gzip to an eighth. ``gunzip -c`` shows it."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from experiments.errors import UserError
from experiments.files import write_atomic

SUFFIX = ".jsonl.gz"


def record_path(folder: Path, name: str) -> Path:
    return folder / f"{name}{SUFFIX}"


def record_name(path: Path) -> str:
    """The experiment whose records are in ``path``."""
    return path.name.removesuffix(SUFFIX)


def read_lines(path: Path) -> bytes:
    """The content; empty if there is no file. Raises UserError if it is not compressed by gzip."""
    try:
        return gzip.decompress(path.read_bytes()) if path.exists() else b""
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: must be compressed by gzip: {error}") from error


def write_lines(path: Path, data: bytes) -> None:
    """Write ``data``. A file with the same content keeps its bytes, which depend on the version of zlib."""
    if not path.exists() or read_lines(path) != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, gzip.compress(data, mtime=0))
