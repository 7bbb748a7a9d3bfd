"""``train.py -m`` on this machine: run by run, or group by group, in this process."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Sequence

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from experiments import exits
from experiments.errors import UserError
from experiments.processes import place
from experiments.sweeps.plan import Composer, Planned
from experiments.together.groups import groups

Job = tuple[str, ...]


def sweep(jobs: Sequence[Sequence[str]]) -> None:
    """Train every job, given by its overrides, in order; a job takes those along that differ from it in seed and ε
    alone, as many as ``impl.seeds_per_process`` says. What became of them is added to ``exits.outcomes``.

    Raises UserError where several processes are to train several runs: they could not find each other a second time.
    """
    count = place(os.environ)[1]
    if count > 1 and len(jobs) > 1:
        raise UserError(f"{len(jobs)} runs by {count} processes: must be one run a launch; start each by itself")
    compose = functools.cache(Composer())
    waiting = {tuple(job): None for job in jobs}
    group_of = functools.cache(functools.partial(grouped, compose, tuple(waiting)))
    while waiting:
        job = next(iter(waiting))
        del waiting[job]
        exits.outcomes.attempt(" ".join(job), functools.partial(train, compose, job, waiting, group_of))


def grouped(compose: Callable[[Job], Planned], jobs: Sequence[Job]) -> dict[Job, list[Job]]:
    """By job the group it trains in; jobs that cannot be composed are left out."""
    sound = []
    for job in jobs:
        with contextlib.suppress(UserError, HydraException, OmegaConfBaseException):  # said when its turn comes
            sound.append((job, compose(job).config))
    return {job: group for group in groups(sound) for job in group}


def train(
    compose: Callable[[Job], Planned],
    job: Job,
    waiting: dict[Job, None],
    group_of: Callable[[], dict[Job, list[Job]]],
) -> int:
    from experiments.run import run_config
    from experiments.together.run import run_together

    first = compose(job)
    if first.config.impl.seeds_per_process == 1:
        return run_config(first.config, first.command)
    group = group_of()[job]
    for other in group:
        waiting.pop(other, None)
    runs = [compose(each) for each in group]
    return run_together([run.config for run in runs], [run.command for run in runs])
