"""``train.py -m`` on this machine: run by run, or group by group, in this process."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from experiments import cli
from experiments.sweeps.plan import Composer, Planned


def sweep(jobs: Sequence[Sequence[str]]) -> None:
    """Train every job, given by its overrides, in order; a job takes those along that differ from it in the seed
    alone, as many as ``impl.seeds_per_process`` says. What became of them is added to ``cli.outcomes``."""
    compose = Composer()
    waiting = {tuple(job): None for job in jobs}
    while waiting:
        job = next(iter(waiting))
        del waiting[job]
        cli.outcomes.attempt(" ".join(job), functools.partial(train, compose, job, waiting))


def train(compose: Composer, job: tuple[str, ...], waiting: dict[tuple[str, ...], None]) -> int:
    from experiments.run import run_config
    from experiments.together.run import run_together

    runs: list[Planned] = [compose(job)]
    count = runs[0].config.impl.seeds_per_process
    if count == 1:
        return run_config(runs[0].config, runs[0].command)
    for other in [other for other in waiting if compose.cell(other) == compose.cell(job)][: count - 1]:
        del waiting[other]
        runs.append(compose(other))
    return run_together([run.config for run in runs], [run.command for run in runs])
