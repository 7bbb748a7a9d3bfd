"""``hydra/launcher=local``: trains the runs of a sweep in this process, and composes each cell once."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn


class LocalLauncher(BasicLauncher):
    """Replaces Hydra's launcher, which composes every run anew. That takes longer than training a short run."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from experiments.sweeps.in_process import train_jobs

        train_jobs([list(overrides) for overrides in job_overrides])
        return []
