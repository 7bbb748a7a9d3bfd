"""``train.py -m`` on this machine: one run after another, in this process."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from experiments import exits
from experiments.errors import UserError
from experiments.processes import place
from experiments.runs.tracking import check_tracking
from experiments.sweeps.plan import Composer


def train_jobs(jobs: Sequence[Sequence[str]]) -> None:
    """Train every job, given by its overrides, in order. Their exit statuses are added to ``exits.outcomes``.

    Raises UserError if several processes should train several runs: they could not connect a second time.
    """
    count = place(os.environ)[1]
    if count > 1 and len(jobs) > 1:
        raise UserError(f"{len(jobs)} runs by {count} processes: must be one run a launch; start each by itself")
    compose = Composer()
    check_tracking_of(compose, jobs)
    for job in jobs:
        exits.outcomes.attempt(" ".join(job), functools.partial(train_job, compose, job))


def check_tracking_of(compose: Composer, jobs: Sequence[Sequence[str]]) -> None:
    """Raise one UserError for all runs if W&B cannot be reached, instead of one per run."""
    try:
        tracking = compose(jobs[0]).config.tracking
    except (HydraException, OmegaConfBaseException, UserError):  # the run itself reports it
        return
    check_tracking(tracking)


def train_job(compose: Composer, job: Sequence[str]) -> int:
    from experiments.runs.run import run_config

    planned = compose(job)
    return run_config(planned.config, planned.command)
