"""The state of the runs: done, running (place, progress, time left), queued, interrupted, diverged, missing.

  python scripts/status.py                           everything below results/runs
  python scripts/status.py experiment=table_mnist    one experiment, including runs that nobody has started
  python scripts/status.py --watch                   again every five seconds (every=5), until Ctrl-C
  python scripts/status.py --json                    for programs

It reads the files of the runs, their locks, and squeue. Without squeue only the queue is unknown.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import sys
import time

from rich.console import Console
from rich.live import Live

from experiments.cli import key_values, read_positive, script
from experiments.sweeps.board import render_board
from experiments.sweeps.states import Watcher

KEYS = {"experiment": "", "runs_dir": "results/runs", "every": "5"}
FLAGS = ("--watch", "--json")
PLAIN_WIDTH = 140  # if the output is no terminal


def main(words: list[str]) -> None:
    values = key_values([word for word in words if word not in FLAGS], KEYS)
    every = read_positive("every", values["every"])
    watcher = Watcher(values["runs_dir"], values["experiment"] or None)
    if "--json" in words:
        print(json.dumps(dataclasses.asdict(watcher.look()), indent=1))
        return
    console = Console(width=None if sys.stdout.isatty() else max(PLAIN_WIDTH, shutil.get_terminal_size().columns))
    if "--watch" not in words:
        console.print(render_board(watcher.look()))
        return
    with contextlib.suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(render_board(watcher.look()), refresh=True)
            time.sleep(every)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
