"""Runs one part in its own process, so that a crash or the end of its time does not affect the others.

The process writes one JSON object per row to standard output. Output of libraries goes to standard error.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from experiments.config.compose import ROOT
from experiments.errors import UNFINISHED, Stopped, UserError
from experiments.families.workers import die_with_parent

GRACE = 20.0  # seconds to save a run after the signal
Row = dict[str, Any]


class PartFailed(Exception):
    """The process of a part ended with an error; the text is its last line."""


class TimeOver(Exception):
    """The part was stopped when its time was over; the rows before it count."""


def rows_of(module: str, device: str, results_dir: Path, seconds: float, log: Path) -> Generator[Row, None, None]:
    """The rows of a part as they arrive. Raises PartFailed or TimeOver after the last."""
    command = [sys.executable, "-m", "benchmarks.gpu.child", module, device, str(results_dir)]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    end = time.monotonic() + seconds
    with open(log, "wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=environment, start_new_session=True
        )
        try:
            yield from lines(process, end)
        finally:
            leave(process)
    if process.returncode:
        said = log.read_text(errors="replace").strip().splitlines()
        raise PartFailed(said[-1] if said else f"exit status {process.returncode}")


def lines(process: subprocess.Popen[bytes], end: float) -> Iterator[Row]:
    assert process.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        rest = b""
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeOver
            if not ready.select(left):
                continue
            got = os.read(process.stdout.fileno(), 1 << 16)
            if not got:
                process.wait()
                return
            *whole, rest = (rest + got).split(b"\n")
            yield from (json.loads(line) for line in whole)


def leave(process: subprocess.Popen[bytes]) -> None:
    """Ask the process and its children to save and end. After the grace period they are killed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def main(module: str, device: str, results_dir: str) -> None:
    import torch

    die_with_parent(signal.SIGTERM)
    if device == "cpu":
        torch.set_num_threads(1)  # one thread in each of several parallel runs is faster than all threads in one
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of libraries must not appear between the rows
    try:
        for row in importlib.import_module(f"benchmarks.gpu.{module}").rows(device, Path(results_dir)):
            print(json.dumps(row), file=out, flush=True)
    except Stopped:  # a run was saved, as the signal asked
        sys.exit(UNFINISHED)
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
