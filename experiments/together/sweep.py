"""``train.py -m`` on this machine: run by run, or group by group, in this process."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from experiments import cli
from experiments.errors import UserError
from experiments.sweeps.plan import Composer, Planned
from experiments.together.groups import groups

Job = tuple[str, ...]


def sweep(jobs: Sequence[Sequence[str]]) -> None:
    """Train every job, given by its overrides, in order; a job takes those along that differ from it in seed and ε
    alone, as many as ``impl.seeds_per_process`` says. What became of them is added to ``cli.outcomes``."""
    compose = functools.cache(Composer())
    waiting = {tuple(job): None for job in jobs}
    while waiting:
        job = next(iter(waiting))
        del waiting[job]
        cli.outcomes.attempt(" ".join(job), functools.partial(train, compose, job, waiting))


def train(compose: Callable[[Job], Planned], job: Job, waiting: dict[Job, None]) -> int:
    from experiments.run import run_config
    from experiments.together.run import run_together

    first = compose(job)
    if first.config.impl.seeds_per_process == 1:
        return run_config(first.config, first.command)
    candidates = [(job, first.config)]
    for other in waiting:
        with contextlib.suppress(UserError, HydraException, OmegaConfBaseException):  # said when its turn comes
            candidates.append((other, compose(other).config))
    group = next(group for group in groups(candidates) if job in group)
    for other in group:
        waiting.pop(other, None)
    runs = [compose(each) for each in group]
    return run_together([run.config for run in runs], [run.command for run in runs])
