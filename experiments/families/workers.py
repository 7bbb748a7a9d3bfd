"""Processes that read a run's data in advance."""

from __future__ import annotations

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1


def begin_worker(_: int) -> None:
    """Initialise a worker: it ignores signals, because the run needs its data to end a step, and dies with the run."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL)


def die_with_parent(number: signal.Signals) -> None:
    """Request the signal ``number`` for the time when the parent process dies; on Linux only."""
    if sys.platform == "linux":  # elsewhere a worker checks every few seconds whether the run exists
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
