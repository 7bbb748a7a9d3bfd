"""``hydra/launcher=local``: the runs of a sweep in this process, each cell composed once."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn


class LocalLauncher(BasicLauncher):
    """Hydra's own composes every run anew, which takes longer than a short run trains."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from experiments.sweeps.in_process import train_jobs

        train_jobs([list(overrides) for overrides in job_overrides])
        return []
