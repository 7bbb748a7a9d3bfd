"""Downloads that fifty jobs may start at once: one fetches, under a lock, into a temporary folder, then renames."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from experiments.errors import UserError


def fetch_once(data_dir: Path, produced: str, fetch: Callable[[str], Any], missing: Path) -> None:
    """Have ``fetch(folder)`` fill a temporary folder and move its ``produced`` entry into ``data_dir``.

    Another process that waited for the lock finds it there and returns. A failure leaves nothing behind and
    raises UserError naming the ``missing`` file and the ways out.
    """
    created = not data_dir.exists()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(data_dir / f".{produced}.lock"):
            if (data_dir / produced).exists():
                return
            with tempfile.TemporaryDirectory(dir=data_dir, prefix=f".{produced}-") as folder:
                fetch(folder)
                shutil.move(f"{folder}/{produced}", data_dir / produced)
    except (OSError, RuntimeError) as error:  # torchvision raises RuntimeError when no mirror answers
        (data_dir / f".{produced}.lock").unlink(missing_ok=True)
        if created and data_dir.exists() and not any(data_dir.iterdir()):
            data_dir.rmdir()
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise UserError(
            f"{missing}: missing, and the download failed ({reason}); point data_dir (GEM_DATA) to a folder that has "
            f"it, or run python scripts/prepare_data.py on a machine with a network and copy {data_dir}"
        ) from error
