"""One process per run directory: a lock that the kernel drops when its process dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.errors import Busy


@contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Hold ``directory`` for this process. Raises Busy, naming the holder, when another process has it.

    ``flock`` on ``<directory>/lock``; the file stays behind, since removing it would race with the next holder.
    """
    with open(directory / "lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{directory}: running elsewhere ({holder(directory)}); left alone") from None
        file.truncate(0)
        job = os.environ.get("SLURM_JOB_ID")
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": since, "slurm_job": job}, file)
        file.flush()
        yield


def holder(directory: Path) -> str:
    """Who holds the lock, in words. The holder writes it down just after it takes the lock, hence the patience."""
    for _ in range(20):
        try:
            who = json.loads((directory / "lock").read_text())
            break
        except (OSError, ValueError):
            time.sleep(0.05)
    else:
        return "another process"
    job = f", Slurm job {who['slurm_job']}" if who.get("slurm_job") else ""
    return f"process {who['pid']} on {who['host']}{job} since {who['since']}"
