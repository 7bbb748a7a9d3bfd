"""One process per run directory: a lock that the kernel releases when its process dies for any reason."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from experiments.errors import Busy

TRIES = 5
HELD: set[IO[str]] = set()


def leave_to_parent() -> None:
    """Close the locks in a forked child. Otherwise a child that outlives a killed parent would hold them."""
    for file in HELD:
        file.close()
    HELD.clear()


os.register_at_fork(after_in_child=leave_to_parent)


@contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Hold ``directory`` for this process. Raises Busy, naming the holder, if another process has it.

    It uses ``flock`` on ``<directory>/lock``. The file remains, because removing it would race with the next holder.
    """
    with open(directory / "lock", "a+") as file:
        if not take(file):
            raise Busy(f"{directory}: running elsewhere ({holder(directory)}); not changed")
        file.truncate(0)
        job = os.environ.get("SLURM_JOB_ID")
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": since, "slurm_job": job}, file)
        file.flush()
        HELD.add(file)
        try:
            yield
        finally:
            HELD.discard(file)


def take(file: IO[str]) -> bool:
    """Try a few times, because ``locked`` may hold the file for a moment to check it."""
    for attempt in range(TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.02 * attempt)
    return False


def locked(path: Path) -> bool:
    """Whether some process holds the lock file ``path``. The check takes a shared lock for a moment."""
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def holder(directory: Path) -> str:
    """The holder of the lock, in words. It retries, because a holder writes its name just after taking the lock."""
    for _ in range(20):
        who = holder_record(directory)
        if who:
            break
        time.sleep(0.05)
    else:
        return "another process"
    job = f", Slurm job {who['slurm_job']}" if who.get("slurm_job") else ""
    return f"process {who['pid']} on {who['host']}{job} since {who['since']}"


def holder_record(directory: Path) -> dict[str, Any]:
    """The record of the latest holder: pid, host, since, slurm_job; empty if it cannot be read."""
    try:
        who: dict[str, Any] = json.loads((directory / "lock").read_text())
    except (OSError, ValueError):
        return {}
    return who
