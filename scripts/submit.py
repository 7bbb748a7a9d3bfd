"""Submit runs: a whole experiment or a single one, to Slurm or to this machine, as often as you like.

  python scripts/submit.py experiment=table_cifar10 launcher=slurm launcher.partition=gpu
  python scripts/submit.py experiment=table_mnist launcher=slurm per_gpu=4 runs_per_job=12
  python scripts/submit.py experiment=table_mnist launcher=local jobs=4
  python scripts/submit.py activation=egem eps=1e-4 seed=0,1,2 launcher=slurm --dry-run

The words are those of train.py -m, and these:
  launcher       local (default): here, now, until all is done; slurm: one array, and back at once
  launcher.<key> any setting of configs/hydra/launcher/slurm.yaml: partition, timeout_min, gpus_per_node, mem_gb …
  jobs           local: runs side by side (1)
  runs_per_job   slurm: runs of one job (1; at least what per_gpu asks for)
  per_gpu        slurm: runs side by side on one GPU (1)
  skip_recorded  true: leave alone also what results/records has, trained here or elsewhere
  dirty          true: submit a tree that differs from its commit; its difference is stored with the runs
  --dry-run      say what would be done with every run, and do nothing

Every configuration is composed now and the code is copied: what is edited later changes nothing that is queued.
Runs that are finished, queued or running are left alone, interrupted ones continue: type the same command again
after whatever happened. Exit status: 0; 2 bad input (the sound runs are submitted all the same).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from experiments.cli import key_values, read_whole, script
from experiments.config.compose import ROOT, compose_launcher
from experiments.errors import UserError
from experiments.records.read import every_record
from experiments.sweeps import slurm
from experiments.sweeps.command import submit
from experiments.sweeps.folder import LOCAL, SLURM
from experiments.sweeps.plan import expand_words

OWN = {"launcher": LOCAL, "jobs": "", "runs_per_job": "", "per_gpu": ""}
OWN |= dict.fromkeys(("skip_recorded", "dirty"), "false")


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
    records = every_record(ROOT / "results" / "records") if switch(own, "skip_recorded") else []
    recorded = {(record["run"], record["seed"]) for record in records}
    handed = submit(expand_words(of_runs), launcher, settings, dry_run, recorded)
    status = 2 if handed.wrong else 0
    if handed.sweep is None:
        return status
    where = os.path.relpath(handed.sweep.folder)
    if launcher == SLURM:
        packs = handed.sweep.packs
        jobs = "1 job" if len(packs) == 1 else f"{len(packs)} jobs"
        print(f"submitted as {handed.sweep.name}: {jobs} of up to {max(map(len, packs))} runs → {where}")
        print("watch it: python scripts/status.py --watch")
        return status
    sys.stdout.flush()
    code = Path(handed.sweep.code)
    os.chdir(code)
    command = [sys.executable, "-m", "experiments.sweeps.job", str(handed.sweep.folder), "0", str(status)]
    os.execve(sys.executable, command, os.environ | {"PYTHONPATH": str(code)})


def settings_of(own: dict[str, str], of_launcher: list[str]) -> dict[str, Any]:
    """The settings of the launcher, typed; for launcher=local only those given here."""
    if own["launcher"] == LOCAL:
        unused = [*of_launcher, *(f"{key}={own[key]}" for key in ("runs_per_job", "per_gpu") if own[key])]
        if unused:
            raise UserError(f"{unused[0]}: launcher=local has no such setting; it takes jobs=…")
        return {"jobs": read_whole("jobs", own["jobs"] or "1"), "dirty": switch(own, "dirty")}
    if own["jobs"]:
        raise UserError(f"jobs={own['jobs']}: is for launcher=local; on Slurm give launcher.array_parallelism=…")
    given = [f"launcher.{key}={read_whole(key, own[key])}" for key in ("runs_per_job", "per_gpu") if own[key]]
    dirty = f"launcher.dirty={switch(own, 'dirty')}".lower()
    return compose_launcher([f"launcher={own['launcher']}", *given, dirty, *of_launcher])


def switch(own: dict[str, str], key: str) -> bool:
    if own[key] not in ("true", "false"):
        raise UserError(f"{key}={own[key]}: must be true or false")
    return own[key] == "true"


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
