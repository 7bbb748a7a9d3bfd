"""Processes that read a run's data in advance."""

from __future__ import annotations

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1


def begin_worker(_: int) -> None:
    """A worker leaves signals to the run, which needs its pictures to end a step, and dies when the run dies."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL)


def die_with_parent(number: signal.Signals) -> None:
    """Get the signal ``number`` when the process that started this one is gone; on Linux alone."""
    if sys.platform == "linux":  # elsewhere a worker looks for the run every few seconds
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
