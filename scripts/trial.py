"""Put an activation on trial: is it sound, what does it cost, and on which tasks is it better, worse or equivalent?

  python scripts/trial.py activation=mine.py:Swash                     certificate, cost, the battery minutes
  python scripts/trial.py activation=mine.py:Swash activation.beta=2   with a parameter
  python scripts/trial.py activation=mine.py:Swash battery=none        only the certificate and the cost

  activation   a file and a name, or the name of an activation of the suite; its parameters as in train.py
  against      the baselines, with commas (gelu,relu,silu; a baseline that is on trial itself is left out)
  battery      none, minutes (default), hour, night; gpu: full-size networks, only on Slurm
  jobs         parallel runs (2)
  launcher     local (default), or slurm: show the plan, submit one stage of every task, and return at once
  launcher.<key>  any setting of configs/hydra/launcher/slurm.yaml: partition, timeout_min, runs_per_job, dirty …
  fresh        true: also train runs that results/records has
  force        true: continue after a wrong certificate
  results_dir  the page is <results_dir>/trials/<name>/index.html (results)

After an interruption, run the same command again: it continues. battery=gpu without launcher=slurm shows the plan and
submits nothing. Exit status: 0; 2 for bad input or a wrong certificate; 75 if stopped by a signal.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from experiments.cli import key_values, read_switch, read_whole, script
from experiments.config.compose import compose_launcher
from experiments.errors import BAD_INPUT, FINISHED, UserError, unknown_key
from experiments.sweeps import slurm
from experiments.sweeps.folder import LOCAL
from experiments.trial.candidate import read_candidate
from experiments.trial.trial import Trial, run_trial

OWN = {"against": "gelu,relu,silu", "battery": "minutes", "jobs": "2", "fresh": "false", "force": "false"}
OWN |= {"results_dir": "results", "launcher": LOCAL}


def main(words: list[str]) -> int:
    own = key_values([word for word in words if word.partition("=")[0] in OWN], OWN)
    of_launcher = [word for word in words if word.startswith("launcher.")]
    rest = [word for word in words if word.partition("=")[0] not in OWN and word not in of_launcher]
    for word in rest:
        if not word.startswith(("activation=", "activation.", "N=", "eps=")) or "=" not in word:
            raise UserError(unknown_key(word, [f"{key}=" for key in ("activation", *OWN)]))
    candidate = read_candidate(rest)
    against = list(dict.fromkeys(own["against"].split(",")))
    if own["against"] == OWN["against"]:
        against = [name for name in against if candidate.overrides != f"activation={name}"]
    trial = Trial(
        candidate=candidate,
        against=against,
        battery=own["battery"],
        jobs=read_whole("jobs", own["jobs"]),
        fresh=read_switch("fresh", own["fresh"]),
        force=read_switch("force", own["force"]),
        folder=Path(own["results_dir"]) / "trials" / candidate.folder,
        command=shlex.join(["python", "scripts/trial.py", *words]),
        launcher=slurm_settings(own["launcher"], of_launcher),
    )
    return FINISHED if run_trial(trial) else BAD_INPUT


def slurm_settings(launcher: str, of_launcher: list[str]) -> dict[str, Any] | None:
    """The typed settings of ``launcher``; None for the local one. Raises UserError if there is no Slurm."""
    if launcher == LOCAL:
        if of_launcher:
            raise UserError(f"{of_launcher[0]}: is for launcher=slurm")
        return None
    slurm.require()
    return compose_launcher([f"launcher={launcher}", *of_launcher])


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
