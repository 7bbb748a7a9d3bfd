"""The lock of a run directory belongs to its process: a child that the process forked does not keep it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from experiments.errors import Busy
from experiments.runs.lock import hold, locked


def test_a_killed_process_frees_its_directory_though_a_child_of_it_lives(tmp_path: Path) -> None:
    said, says = os.pipe()
    parent = os.fork()
    if parent == 0:
        with hold(tmp_path):
            child = os.fork()
            if child == 0:
                signal.pause()
            os.write(says, str(child).encode())
            signal.pause()
    child = int(os.read(said, 20))
    try:
        assert locked(tmp_path / "lock")
        with pytest.raises(Busy), hold(tmp_path):
            pass
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        os.kill(child, 0)
        with hold(tmp_path):
            assert locked(tmp_path / "lock")
    finally:
        os.kill(child, signal.SIGKILL)
        os.close(said)
        os.close(says)


def test_the_holder_keeps_it_while_its_children_come_and_go(tmp_path: Path) -> None:
    with hold(tmp_path):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert locked(tmp_path / "lock")
    assert not locked(tmp_path / "lock")
