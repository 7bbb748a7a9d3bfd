"""Update Weights & Biases with the runs on disk: one W&B run for each run. It is safe to repeat the command.

  python scripts/sync_wandb.py                              every run below results/runs
  python scripts/sync_wandb.py experiment=table_mnist entity=lab project=activations
  python scripts/sync_wandb.py mode=offline                 whole offline runs, for `wandb sync` on another machine

The source is metrics.jsonl; the files that W&B wrote during the run are not needed. Only steps that W&B lacks are sent,
so nothing is doubled and no step goes backwards. Runs without changes since the last call are skipped, unless
force=true.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from experiments.cli import key_values, script
from experiments.config.identity import run_directories
from experiments.config.resolve import restore
from experiments.config.schema import Config, Tracking
from experiments.errors import UserError
from experiments.files import read_json, write_json
from experiments.runs.lock import locked
from experiments.runs.tracking import PICTURES, WandbMirror, check_tracking

KEYS = {"experiment": "", "runs_dir": "results/runs", "mode": "online", "project": "", "entity": "", "force": "false"}


def main(words: list[str]) -> int:
    values = key_values(words, KEYS)
    for key, allowed in (("mode", ("online", "offline")), ("force", ("true", "false"))):
        if values[key] not in allowed:
            raise UserError(f"{key}={values[key]}: must be one of {', '.join(allowed)}")
    check_tracking(Tracking(mode=values["mode"]))
    found = run_directories(Path(values["runs_dir"]), "metrics.jsonl")
    if values["experiment"]:
        found = [directory for directory in found if values["experiment"] in tags_of(directory)]
    if not found:
        whose = f"experiment={values['experiment']}: " if values["experiment"] else ""
        raise UserError(f"{whose}runs_dir={values['runs_dir']}: there is no such run")
    done, failed = 0, 0
    for directory in tqdm(found, unit="run", disable=not sys.stderr.isatty()):
        try:
            done += sync(directory, values)
        except UserError as error:
            failed += 1
            print(f"error: {os.path.relpath(directory)}: {error}", file=sys.stderr)
    rest = f"{len(found) - done - failed} skipped, {failed} failed"
    if values["mode"] == "online":
        print(f"{done} runs sent, {rest}")
    else:
        parts = f"{values['runs_dir']}/*/*/seed*/wandb/offline-run-*"
        print(f"{done} runs written, {rest}; to upload them: wandb sync {parts}")
    return 2 if failed else 0


def sync(directory: Path, values: dict[str, str]) -> bool:
    """Send one run; return whether there was anything to send. Raises UserError with W&B's message if it refuses."""
    config = configuration(directory)
    if locked(directory / "lock") and config.tracking.mode != "disabled":
        return False  # it is training now, and sends its own lines
    config = replace(config, tracking=chosen(config, values))
    mark = {
        "mode": values["mode"],
        "project": config.tracking.project,
        "entity": config.tracking.entity,
        "metrics": hashlib.sha256((directory / "metrics.jsonl").read_bytes()).hexdigest(),
        "complete": (directory / "metrics.json").exists(),
    }
    known = directory / "wandb" / f"synced-{values['mode']}.json"
    if values["force"] == "false" and known.exists() and read_json(known) == mark:
        return False
    mirror = WandbMirror(config, directory)
    mirror.show(sorted((directory / PICTURES).glob("*.png")))
    mirror.finish(read_json(directory / "metrics.json") if mark["complete"] else None)
    known.parent.mkdir(exist_ok=True)
    write_json(known, mark)
    return True


def configuration(directory: Path) -> Config:
    try:
        saved: dict[str, Any] = yaml.safe_load((directory / "config.yaml").read_text())
        return restore(saved)
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise UserError(f"config.yaml cannot be read ({error})") from error


def tags_of(directory: Path) -> list[str]:
    """The presets for which a run was begun; none if its configuration cannot be read, which ``sync`` reports."""
    try:
        return list(yaml.safe_load((directory / "config.yaml").read_text())["tags"])
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return []


def chosen(config: Config, values: dict[str, str]) -> Any:
    """The run's own project and entity, unless others are given here."""
    given = {key: values[key] for key in ("project", "entity") if values[key]}
    return replace(config.tracking, **given, mode=values["mode"])


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
