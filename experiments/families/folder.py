"""A folder of data in a configuration: a place below ``data_dir``, so it is a name and no machine path."""

from __future__ import annotations

from pathlib import PurePosixPath

from experiments.errors import UserError, must_be


def check_folder(name: str) -> None:
    """Raise UserError unless ``name`` is a place below ``data_dir``."""
    folder = PurePosixPath(name)
    if folder.is_absolute() or ".." in folder.parts:
        raise UserError(must_be("dataset.folder", folder, "a folder below data_dir; give its parent as data_dir=…"))
