"""``launcher=slurm``: hydra-submitit-launcher's settings and executor, with the sweep submitted as
``scripts/submit.py`` submits it: frozen, packed, requeued, all failures listed."""

# No ``from __future__ import annotations``: Hydra executes this file before it is in sys.modules, where a dataclass
# would look its annotations up.
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn

with contextlib.suppress(ImportError):  # the extra [slurm] is not installed: no such launcher
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf
    from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher

    @dataclass
    class SweepConf(SlurmQueueConf):
        """The launcher's own settings, and how runs are packed into jobs."""

        _target_: str = "hydra_plugins.slurm_launcher.SweepLauncher"
        runs_per_job: int = 1  # one after another
        per_gpu: int = 1  # side by side on one GPU
        dirty: bool = False  # accept a tree that differs from its commit

    ConfigStore.instance().store(group="hydra/launcher", name="sweep", node=SweepConf(), provider="gem")

    class SweepLauncher(SlurmLauncher):
        """Submits one array and waits for it, as Hydra expects of a launcher; Ctrl-C leaves the jobs in the queue."""

        def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
            from experiments.sweeps.wait import submit_and_wait

            submit_and_wait([list(overrides) for overrides in job_overrides], self.params)
            return []
