"""Waits for a sweep on Slurm, as Hydra's launcher does: until no job is left. Then it reports all failures."""

from __future__ import annotations

import sys
import time
from typing import Any

from tqdm import tqdm

from experiments.errors import BAD_INPUT, FAILED, FINISHED, UserError
from experiments.sweeps import slurm
from experiments.sweeps.command import submit_runs
from experiments.sweeps.folder import SLURM, Sweep, outcome

POLL_SECONDS = (1, 2, 5, 10)  # the last value repeats


def submit_and_wait(jobs: list[list[str]], settings: dict[str, Any]) -> None:
    """Exit with the worst status of the runs, or return if all are finished."""
    slurm.require()
    handed = submit_runs(jobs, SLURM, settings)
    if handed.sweep is not None:
        print(f"submitted as {handed.sweep.name}; Ctrl-C leaves the jobs in the queue", flush=True)
        wait(handed.sweep)
    reasons = last_lines(handed.sweep) if handed.sweep else {}
    details = {decision.planned.title: decision.detail for decision in handed.decisions}
    statuses = {decision.planned.title: outcome(decision.planned.directory) for decision in handed.decisions}
    failed = {title: status for title, status in statuses.items() if status != FINISHED}
    count = len(statuses) + len(handed.wrong)
    if failed or handed.wrong:
        print(f"{len(failed) + len(handed.wrong)} of {count} runs failed:", file=sys.stderr)
        for title in failed:
            print(f"  {title}: {reasons.get(title) or details[title] or 'not finished'}", file=sys.stderr)
        worst = [FAILED if status is None else status for status in failed.values()]
        sys.exit(min([*worst, *(BAD_INPUT for _ in handed.wrong)]))


def wait(sweep: Sweep) -> None:
    """Wait until Slurm lists no job of ``sweep``. If the controller does not answer, ask again."""
    pauses = iter(POLL_SECONDS)
    pause = next(pauses)
    with tqdm(total=len(sweep.runs), unit="run", disable=not sys.stderr.isatty(), leave=False) as bar:
        while True:
            time.sleep(pause)
            pause = next(pauses, pause)
            bar.update(sum(outcome(sweep.directory(index)) is not None for index in sweep.all) - bar.n)
            try:
                if not slurm.tasks([sweep.name]):
                    return
            except UserError:
                continue


def last_lines(sweep: Sweep) -> dict[str, str]:
    """By title, how the latest attempt at each run ended."""
    ended = (event for event in sweep.events() if event["event"] == "ended")
    return {sweep.runs[event["run"]]["title"]: event["line"] for event in ended}
