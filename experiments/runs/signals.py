"""SIGTERM, SIGUSR2 (Slurm's warning before preemption) and Ctrl-C ask the run to finish its step, save and leave."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from experiments.errors import UNFINISHED

PREEMPTION = (signal.SIGTERM, signal.SIGUSR2)


class StopFlag:
    """A flag that a signal sets. The loop checks it between steps, so every step is completed."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    def set(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt  # a second Ctrl-C: the user does not want to wait for the save
        self.signal = signal.Signals(number)


@contextmanager
def stop_on_signals() -> Iterator[StopFlag]:
    """A flag that signals set within the block. The earlier handlers are restored after it."""
    flag = StopFlag()
    with handled((*PREEMPTION, signal.SIGINT), flag.set):
        yield flag


@contextmanager
def leave_on_signals() -> Iterator[None]:
    """For the whole command: before and after training there is nothing to save, and the run should be requeued."""
    with handled((*PREEMPTION, signal.SIGINT), leave_at_once):
        yield


def leave_at_once(number: int, frame: FrameType | None) -> None:
    """End the process with exit status 75 and one line on stderr.

    It raises no exception: Hydra loses some while it composes, and an interrupted import leaves half a module.
    """
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # RuntimeError: the signal came within a flush
        sys.stdout.flush()
    line = f"stopped by {signal.Signals(number).name}; run the same command again to continue\n"
    with contextlib.suppress(OSError):
        os.write(2, line.encode())
    os._exit(UNFINISHED)


@contextmanager
def handled(numbers: tuple[signal.Signals, ...], handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread only
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
