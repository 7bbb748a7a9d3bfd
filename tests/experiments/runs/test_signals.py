"""A signal outside of training ends the command at once, whatever code it interrupts."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from experiments.errors import UNFINISHED
from experiments.runs.signals import PREEMPTION
from tests.experiments.zygote import ROOT, environment

SWALLOWS_EVERYTHING = """
import os
from experiments.runs.signals import leave_on_signals
with leave_on_signals():
    print("begun")
    try:
        os.kill(os.getpid(), {number})
        for _ in range(1000):
            pass
    except BaseException:
        pass
    print("went on")
"""


@pytest.mark.parametrize("number", [*PREEMPTION, signal.SIGINT])
def test_no_library_on_the_way_can_lose_it(number: signal.Signals) -> None:
    """Hydra lost an exception of the handler in 10 of 400 commands stopped at random before training."""
    line = [sys.executable, "-c", SWALLOWS_EVERYTHING.format(number=int(number))]
    ended = subprocess.run(line, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert ended.stdout == "begun\n"
    assert ended.stderr == f"stopped by {number.name}; run the same command again to continue\n"
    assert ended.returncode == UNFINISHED
