"""Downloads that many jobs may start at once. One fetches, under a lock, into a temporary folder, then renames."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from experiments.errors import UserError

PATIENCE = 30.0  # seconds a server may be silent; Python's default is to wait for ever


def fetch_once(data_dir: Path, produced: str, fetch: Callable[[str], Any], missing: Path) -> None:
    """Let ``fetch(folder)`` fill a temporary folder, then move its entry ``produced`` into ``data_dir``.

    A process that waited for the lock finds the entry there and returns. A failure leaves nothing behind and raises
    UserError, which names the ``missing`` file and the remedies.
    """
    created = [folder for folder in (data_dir, *data_dir.parents) if not folder.exists()]
    lock = data_dir / f".{produced}.lock"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            if (data_dir / produced).exists():
                return
            with tempfile.TemporaryDirectory(dir=data_dir, prefix=f".{produced}-") as folder, silence_limit(PATIENCE):
                fetch(folder)
                os.rename(f"{folder}/{produced}", data_dir / produced)
    except (OSError, RuntimeError) as error:  # torchvision raises RuntimeError when no mirror answers
        with suppress(OSError):  # another process may be at the same download
            lock.unlink(missing_ok=True)
            for parent in created:
                parent.rmdir()
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise UserError(
            f"{missing}: missing, and the download failed ({reason}); point data_dir (GEM_DATA) to a folder that has "
            f"it, or run python scripts/prepare_data.py on a machine with a network and copy {data_dir}"
        ) from error


@contextmanager
def silence_limit(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
