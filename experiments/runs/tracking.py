"""Weights & Biases as a mirror of ``metrics.jsonl``: one W&B run per run, grouped by configuration."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.config.identity import run_hash
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.runs.metrics_log import read_lines


class NoMirror:
    """tracking=disabled: wandb is not even imported."""

    def log(self, line: dict[str, Any]) -> None: ...

    def finish(self, result: dict[str, Any] | None) -> None: ...


class WandbMirror(NoMirror):
    """Run id = hash and seed, group = hash, tags = experiment; ``offline`` writes below the run directory.

    A run that goes on is replayed from metrics.jsonl, as far as W&B does not have it: so an offline run is always
    one whole run, however often it was interrupted, and the steps of an online one never go backwards.
    """

    def __init__(self, config: Config, directory: Path) -> None:
        try:
            import wandb
        except ImportError as error:
            raise UserError(f"tracking.mode={config.tracking.mode}: pip install wandb, or tracking=disabled") from error
        if config.tracking.mode == "offline":
            for part in (directory / "wandb").glob("offline-run-*"):
                shutil.rmtree(part)  # everything in it is in metrics.jsonl
        try:
            self.run = self.start(wandb, config, directory)
        except wandb.Error as error:
            raise UserError(
                f"tracking.mode={config.tracking.mode}: {error} Or use tracking=offline, or disabled"
            ) from error
        self.next_step = self.run.starting_step
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
            config={key: value for key, value in asdict(config).items() if not key.endswith("_dir")},
            dir=str(directory),
            resume="allow" if config.tracking.mode == "online" else None,
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True, save_code=False),
        )

    def log(self, line: dict[str, Any]) -> None:
        if line["step"] >= self.next_step:
            self.next_step = line["step"] + 1
            self.run.log(
                {key: value for key, value in line.items() if value is not None and key != "by_layer"},
                step=line["step"],
            )

    def finish(self, result: dict[str, Any] | None) -> None:
        """``result`` is the content of metrics.json, or None when the run was stopped and will go on."""
        if result is not None:
            self.run.summary.update(result)
        self.run.finish(exit_code=0 if result and result["status"] == "finished" else 1)


def mirror(config: Config, directory: Path) -> NoMirror:
    return NoMirror() if config.tracking.mode == "disabled" else WandbMirror(config, directory)
