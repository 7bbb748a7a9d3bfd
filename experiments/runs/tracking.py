"""Weights & Biases as a mirror of ``metrics.jsonl``: one W&B run per run, grouped by configuration."""

from __future__ import annotations

import importlib.util
import netrc
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from experiments.config.identity import run_hash
from experiments.config.schema import Config, Tracking
from experiments.errors import UserError
from experiments.files import read_json
from experiments.runs.metrics_log import read_lines

PICTURES = "pictures"  # the folder of pictures in a run directory


class NoMirror:
    """tracking=disabled: wandb is not imported."""

    def log(self, line: dict[str, Any]) -> None: ...

    def show(self, pictures: Sequence[Path]) -> None: ...

    def finish(self, result: dict[str, Any] | None) -> None: ...


class WandbMirror(NoMirror):
    """Run id = hash and seed, group = hash, tags = experiment; ``offline`` writes below the run directory.

    A continued run is replayed from metrics.jsonl, as far as W&B lacks it. So an offline run is always one complete
    run, however often it was interrupted, and the steps of an online run never go backwards.
    """

    def __init__(self, config: Config, directory: Path) -> None:
        import wandb

        if config.tracking.mode == "offline":
            for part in (directory / "wandb").glob("offline-run-*"):
                shutil.rmtree(part)  # metrics.jsonl contains all of it
        try:
            self.run = self.start(wandb, config, directory)
        except wandb.Error as error:
            raise UserError(
                f"tracking.mode={config.tracking.mode}: {error} Or use tracking=offline, or disabled"
            ) from error
        self.next_step, self.started = self.run.starting_step, started_at(directory)
        for line in read_lines(directory / "metrics.jsonl"):
            self.log(line)

    def start(self, wandb: Any, config: Config, directory: Path) -> Any:
        name = run_hash(config)
        return wandb.init(
            mode=config.tracking.mode,
            project=config.tracking.project,
            entity=config.tracking.entity,
            id=f"{name[:16]}-seed{config.seed}",
            group=name[:16],
            name=f"{config.activation['name']}-{name[:8]} seed {config.seed}",
            tags=config.tags,
            config=without_places(asdict(config)),
            dir=str(directory),
            resume="allow" if config.tracking.mode == "online" else None,
            settings=wandb.Settings(
                silent=True, console="off", x_disable_stats=True, save_code=False, x_start_time=started_at(directory)
            ),
        )

    def log(self, line: dict[str, Any]) -> None:
        if line["step"] >= self.next_step:
            self.next_step = line["step"] + 1
            values = {key: value for key, value in line.items() if value is not None and key != "by_layer"}
            # W&B computes its running time from this; it must not be that of a later copy.
            self.run.log(values | {"_timestamp": self.started + line.get("seconds", 0.0)}, step=line["step"])

    def show(self, pictures: Sequence[Path]) -> None:
        """Add the pictures to the last step, each under its file name."""
        import wandb

        if pictures:
            self.run.log({path.stem: wandb.Image(str(path)) for path in pictures}, step=max(0, self.next_step - 1))

    def finish(self, result: dict[str, Any] | None) -> None:
        """``result`` is the content of metrics.json, or None if the run was stopped and will continue."""
        if result is not None:
            self.run.summary.update(result)
        self.run.finish(exit_code=0 if result and result["status"] == "finished" else 1)


def without_places(values: dict[str, Any]) -> dict[str, Any]:
    """A configuration without paths on this machine."""
    kept = {key: value for key, value in values.items() if not key.endswith("_dir")}
    if "target" in kept["activation"]:
        kept["activation"] = kept["activation"] | {"target": Path(kept["activation"]["target"]).name}
    return kept


def started_at(directory: Path) -> float:
    """The start time of the run in ``directory``, in seconds since 1970."""
    try:
        first = read_json(directory / "meta.json")["parts"][0]["started"]
    except (OSError, ValueError, KeyError, IndexError):
        return time.time()
    return time.mktime(time.strptime(first[:19], "%Y-%m-%dT%H:%M:%S"))


def check_tracking(tracking: Tracking) -> None:
    """Raise UserError if W&B is requested but not installed or without a login, before any file is created."""
    if tracking.mode == "disabled":
        return
    if importlib.util.find_spec("wandb") is None:
        raise UserError(f"tracking.mode={tracking.mode}: pip install wandb, or use tracking=disabled")
    if tracking.mode == "online" and not has_login():
        raise UserError(
            "tracking.mode=online: W&B knows no login here; run wandb login, or set WANDB_API_KEY, or use "
            "tracking=offline"
        )


def has_login() -> bool:
    """Whether W&B would find a key: in the environment, or in the file that ``wandb login`` writes."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC") or None).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def mirror(config: Config, directory: Path) -> NoMirror:
    return NoMirror() if config.tracking.mode == "disabled" else WandbMirror(config, directory)
