"""Submit runs, a whole experiment or a single one, to Slurm or to this machine. It is safe to repeat the command.

  python scripts/submit.py experiment=table_cifar10 launcher=slurm launcher.partition=gpu
  python scripts/submit.py experiment=table_mnist launcher=slurm per_gpu=4 runs_per_job=12
  python scripts/submit.py experiment=table_mnist launcher=local jobs=4
  python scripts/submit.py activation=egem eps=1e-4 seed=0,1,2 launcher=slurm --dry-run

The words are those of train.py -m, and these:
  launcher       local (default): train here and wait until all is done; slurm: submit one array and return at once
  launcher.<key> any setting of configs/hydra/launcher/slurm.yaml: partition, timeout_min, gpus_per_node, mem_gb …
  jobs           local: parallel runs (1)
  runs_per_job   slurm: runs per job (1; at least the number that per_gpu needs)
  per_gpu        slurm: parallel runs on one GPU (1)
  fresh          true: also train runs that results/records has, trained here or elsewhere
  dirty          true: submit a tree that differs from its commit; its difference is stored with the runs
  --dry-run      list the decision on every run, and do nothing

Every configuration is composed now and the code is copied, so later edits do not affect queued runs. A preset with
tuning or looks has stages. Here they follow each other; on Slurm the same command submits the next one. Runs that are
finished, queued or running are left alone. Interrupted ones continue: after an interruption, run the same command
again. Exit status: 0; 2 for bad input (the valid runs are submitted all the same); 3 if a run diverged here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from experiments.cli import key_values, read_switch, read_whole, script
from experiments.config.compose import compose_launcher
from experiments.errors import BAD_INPUT, DIVERGED, FINISHED, UserError, worst
from experiments.runs.signals import handled
from experiments.studies.expansion import Expansion
from experiments.sweeps import slurm
from experiments.sweeps.command import submit_runs
from experiments.sweeps.folder import LOCAL, SLURM, Sweep
from experiments.sweeps.plan import expand_words
from experiments.sweeps.pool import WATCHED, pass_to

OWN = {"launcher": LOCAL, "jobs": "", "runs_per_job": "", "per_gpu": ""}
OWN |= {"dirty": "false"}


def main(words: list[str]) -> int:
    dry_run = "--dry-run" in words
    words = [word for word in words if word != "--dry-run"]
    own = key_values([word for word in words if word.split("=")[0] in OWN], OWN)
    of_launcher = [word for word in words if word.startswith("launcher.")]
    of_runs = [word for word in words if word.split("=")[0] not in OWN and word not in of_launcher]
    settings = settings_of(own, of_launcher)
    launcher = LOCAL if own["launcher"] == LOCAL else SLURM
    if not of_runs:
        raise UserError("nothing to submit: give an experiment or the words of a run, such as experiment=table_mnist")
    if launcher == SLURM and not dry_run:
        slurm.require()
    status, before = FINISHED, Expansion([])
    while (found := expand_words(of_runs)) != before:
        if told := found.words():
            print(told, flush=True)
        if not found.jobs:
            print("nothing to submit: every run is finished or recorded")
            break
        handed = submit_runs(found.jobs, launcher, settings, dry_run)
        status = worst([status, BAD_INPUT if handed.wrong else FINISHED])
        if handed.sweep is None:
            break
        if launcher == SLURM:
            tell_where(handed.sweep, found)
            break
        status = worst([status, run_here(handed.sweep)])
        if found.title is None or status not in (FINISHED, DIVERGED):  # a high rate that diverges is a result
            break
        before = found
    return status


def tell_where(sweep: Sweep, found: Expansion) -> None:
    jobs = "1 job" if len(sweep.packs) == 1 else f"{len(sweep.packs)} jobs"
    where = os.path.relpath(sweep.folder)
    print(f"submitted as {sweep.name}: {jobs} of up to {max(map(len, sweep.packs))} runs → {where}")
    print("watch it: python scripts/status.py --watch")
    if found.title:
        print("when they are done, run the same command again for the next stage")


def run_here(sweep: Sweep) -> int:
    """Train the sweep in a process of the frozen code, and pass signals on to it. Returns its exit status."""
    sys.stdout.flush()
    command = [sys.executable, "-m", "experiments.sweeps.job", str(sweep.folder), "0"]
    environment = os.environ | {"PYTHONPATH": sweep.code}
    with subprocess.Popen(command, cwd=sweep.code, env=environment) as job, handled(WATCHED, pass_to(job)):
        return job.wait()


def settings_of(own: dict[str, str], of_launcher: list[str]) -> dict[str, Any]:
    """The typed settings of the launcher; for launcher=local only those given here."""
    if own["launcher"] == LOCAL:
        unused = [*of_launcher, *(f"{key}={own[key]}" for key in ("runs_per_job", "per_gpu") if own[key])]
        if unused:
            raise UserError(f"{unused[0]}: launcher=local has no such setting; it takes jobs=…")
        return {"jobs": read_whole("jobs", own["jobs"] or "1"), "dirty": read_switch("dirty", own["dirty"])}
    if own["jobs"]:
        raise UserError(f"jobs={own['jobs']}: is for launcher=local; on Slurm give launcher.array_parallelism=…")
    given = [f"launcher.{key}={read_whole(key, own[key])}" for key in ("runs_per_job", "per_gpu") if own[key]]
    dirty = f"launcher.dirty={read_switch('dirty', own['dirty'])}".lower()
    return compose_launcher([f"launcher={own['launcher']}", *given, dirty, *of_launcher])


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
