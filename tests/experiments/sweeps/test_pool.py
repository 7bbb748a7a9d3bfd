"""The pool of forks: every item once, at most so many at once; signals reach the forks; they die with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from experiments.runs.signals import StopFlag
from experiments.sweeps.pool import in_forks
from tests.experiments.zygote import ROOT, environment


def test_every_item_once_and_at_most_two_at_once(tmp_path: Path) -> None:
    ended: dict[int, int] = {}
    at_once: list[int] = []
    open_now: set[int] = set()

    def work(item: int, slot: int) -> int:
        assert slot in (0, 1)
        time.sleep(0.02)
        return item

    def begun(item: int, pid: int) -> None:
        open_now.add(item)
        at_once.append(len(open_now))

    def over(item: int, status: int) -> None:
        open_now.discard(item)
        ended[item] = status

    in_forks(range(7), 2, work, begun, over, StopFlag())
    assert ended == {item: item for item in range(7)}
    assert max(at_once) == 2


def test_a_fork_that_fails_or_is_killed_leaves_the_others() -> None:
    ended: dict[str, int] = {}

    def work(item: str, slot: int) -> int:
        if item == "raises":
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            raise ValueError(item)
        if item == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    in_forks(["raises", "killed", "sound"], 1, work, lambda item, pid: None, ended.__setitem__, StopFlag())
    assert ended == {"raises": 1, "killed": -signal.SIGKILL, "sound": 0}


def test_a_signal_is_passed_on_and_nothing_more_begins() -> None:
    ended: dict[int, int] = {}
    stop = StopFlag()

    def begun(item: int, pid: int) -> None:
        if item == 1:
            os.kill(os.getpid(), signal.SIGUSR2)

    in_forks(range(5), 2, lambda item, slot: time.sleep(60) or 0, begun, ended.__setitem__, stop)
    assert ended == {0: -signal.SIGTERM, 1: -signal.SIGTERM}
    assert stop.signal == signal.SIGUSR2


CODE = """
import os, sys, time
from experiments.runs.signals import StopFlag
from experiments.sweeps.pool import in_forks
in_forks([0], 1, lambda *_: time.sleep(60) or 0, lambda _, pid: print(pid, flush=True), lambda *_: None, StopFlag())
"""


def test_forks_end_when_the_parent_is_killed() -> None:
    line = [sys.executable, "-c", CODE]
    parent = subprocess.Popen(line, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


PREPARED = """
import sys, torch
from experiments.config.compose import compose_run
from experiments.sweeps.job import warm_process
from benchmarks.steps import bare_trainers
config = compose_run(["dataset=digits", "recipe=digits", "impl.threads=1"])
asked = []
torch._C._cuda_getDeviceCount = lambda: asked.append("CUDA") or 0
warm_process(config)
assert not asked
before = set(sys.modules)
bare_trainers(config, 1)[0].advance()
assert asked
print(*sorted(set(sys.modules) - before))
"""


def test_a_fork_imports_nothing_of_its_own() -> None:
    """The first optimizer would import torch's compiler, three seconds of every run of a sweep. Nor does what is
    imported before the forks ask for a GPU, which they could not use any more."""
    line = [sys.executable, "-c", PREPARED]
    shown = subprocess.run(line, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True).stdout
    assert shown == "\n"
