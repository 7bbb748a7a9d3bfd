"""Loads a finished run: its task with the final weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.config.identity import run_path
from experiments.config.schema import Config
from experiments.device import prepare_device
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.task import Task
from experiments.files import read_json
from experiments.runs.checkpoint import Checkpoints


def finished_directory(config: Config) -> Path | None:
    """The directory of the run if it has finished and its last checkpoint exists, else None."""
    directory = run_path(config)
    result = directory / "metrics.json"
    if not result.exists() or read_json(result)["status"] != "finished" or not (directory / "checkpoints").is_dir():
        return None
    return directory


def load_trained(config: Config, directory: Path) -> Task[Any]:
    """The task of ``config`` with the weights of ``directory``, in evaluation mode.

    Raises UserError for missing data, and if no checkpoint can be used.
    """
    device = prepare_device(config.impl)
    task = build_task(config, device)
    state = Checkpoints(directory / "checkpoints").latest(lambda state: None)
    if state is None:
        raise UserError(f"{directory}: has no checkpoint")
    task.model.load_state_dict(state["model"])
    task.model.eval()
    return task
