"""``launcher=slurm``: the settings and executor of hydra-submitit-launcher, with the sweeps of ``scripts/submit.py``.

So the code is frozen, runs are packed and requeued, and all failures are listed.
"""

# No ``from __future__ import annotations``: Hydra executes this file before it is in sys.modules, where a dataclass
# would look for its annotations.
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn

with contextlib.suppress(ImportError):  # without the extra [slurm] this launcher does not exist
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf
    from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher

    @dataclass
    class SweepConf(SlurmQueueConf):
        """The launcher's own settings, and those that pack runs into jobs."""

        _target_: str = "hydra_plugins.slurm_launcher.SweepLauncher"
        runs_per_job: int = 1  # in sequence
        per_gpu: int = 1  # in parallel on one GPU
        dirty: bool = False  # accept a tree that differs from its commit

    ConfigStore.instance().store(group="hydra/launcher", name="sweep", node=SweepConf(), provider="gem")

    class SweepLauncher(SlurmLauncher):
        """Submits one array and waits for it, as Hydra expects. Ctrl-C leaves the jobs in the queue."""

        def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
            from experiments.sweeps.wait import submit_and_wait

            submit_and_wait([list(overrides) for overrides in job_overrides], self.params)
            return []
