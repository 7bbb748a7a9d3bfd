"""Files that are complete or absent: temporary file, fsync, rename, fsync of the directory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``. A reader, or a crash at any moment, sees either the old file or the new one.

    Raises OSError (disk full, read-only) and removes the temporary file in this case.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    write_atomic(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def write_page(results_dir: Path | str, name: str, text: str) -> None:
    """Write ``<results_dir>/tables/<name>.md``."""
    path = Path(results_dir) / "tables" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text.encode())
