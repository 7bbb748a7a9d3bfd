"""A pool of forks: each run has its own process, with all imports done before."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TypeVar

from experiments.errors import FAILED, UNFINISHED
from experiments.runs.signals import PREEMPTION, StopFlag, handled

Item = TypeVar("Item")
PR_SET_PDEATHSIG = 1
WATCHED = (*PREEMPTION, signal.SIGINT)


def in_forks(
    items: Sequence[Item],
    width: int,
    work: Callable[[Item, int], int],
    begun: Callable[[Item, int], None],
    ended: Callable[[Item, int], None],
    stop: StopFlag,
) -> None:
    """``work(item, slot)`` for every item, each in a fork, at most ``width`` at once. It returns an exit status.

    ``begun(item, pid)`` and ``ended(item, status)`` are called in this process. A signal is passed on to all forks as
    SIGTERM and sets ``stop``; no further item begins. A fork also gets SIGTERM when this process dies.
    """
    waiting, slots = deque(items), list(range(width))
    running: dict[int, tuple[Item, int]] = {}
    parent = os.getpid()

    def pass_on(number: int, frame: FrameType | None) -> None:
        stop.signal = signal.Signals(number)
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    with handled(WATCHED, pass_on):
        while running or (waiting and not stop):
            if waiting and slots and not stop:
                item, slot = waiting.popleft(), slots.pop(0)
                with blocked() as mask:
                    pid = os.fork()
                    if pid == 0:
                        child(functools.partial(work, item, slot), parent, mask)
                    running[pid] = (item, slot)
                begun(item, pid)
                continue
            pid, status = os.wait()
            item, slot = running.pop(pid)
            slots.append(slot)
            ended(item, os.waitstatus_to_exitcode(status))


def pass_to(process: subprocess.Popen[bytes]) -> Callable[[int, FrameType | None], None]:
    """A handler that passes a signal on to ``process`` as SIGTERM."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)

    return pass_on


@contextlib.contextmanager
def blocked() -> Iterator[set[int]]:
    """Block signals between a fork and its registration. Yields the mask from before; output is flushed first."""
    sys.stdout.flush()
    sys.stderr.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def child(work: Callable[[], int], parent: int, mask: set[int]) -> None:
    """Run ``work`` in the fork and exit. It skips interpreter shutdown, which is slow with torch and frees nothing."""
    status = FAILED
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        for number in WATCHED:
            signal.signal(number, signal.SIG_DFL)
        if os.getppid() == parent:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            status = work()
        else:
            status = UNFINISHED
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
