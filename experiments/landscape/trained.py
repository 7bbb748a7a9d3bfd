"""A finished run, as the task it was trained on with the weights it ended with."""

from __future__ import annotations

from pathlib import Path

import torch

from experiments.checkpoint import Checkpoints
from experiments.config import Config, run_path
from experiments.config.schema import ImageDataset
from experiments.device import prepare
from experiments.errors import UserError
from experiments.files import read_json
from experiments.tasks.images import ImageTask

BATCH = 256


def finished(config: Config) -> Path | None:
    """The directory of the run where it has finished and its last checkpoint is still there, else None."""
    directory = run_path(config)
    result = directory / "metrics.json"
    if not result.exists() or read_json(result)["status"] != "finished" or not (directory / "checkpoints").is_dir():
        return None
    return directory


def load(config: Config, directory: Path) -> ImageTask:
    """The task of ``config`` with the weights of ``directory``, in evaluation mode.

    Raises UserError for a language model, for missing data, and where no checkpoint can be used.
    """
    if not isinstance(config.dataset, ImageDataset):
        raise UserError(f"dataset={config.dataset.name}: landscapes are of networks for images, this is text")
    from experiments.tasks import build_task

    device = prepare(config.impl)
    task = build_task(config, device)
    state = Checkpoints(directory / "checkpoints").latest(lambda state: None)
    if state is None:
        raise UserError(f"{directory}: has no checkpoint")
    task.model.load_state_dict(state["model"])
    task.model.eval()
    assert isinstance(task, ImageTask)
    return task


def examples(task: ImageTask, count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of the first ``count`` training examples as they lie on disk, normalised, not augmented."""
    x, y = task.train_x[:count], task.train_y[:count]
    margin = (x.shape[-1] - task.size) // 2
    if margin:
        x = x[..., margin:-margin, margin:-margin]
    return [(task.normalise(part), labels) for part, labels in zip(x.split(BATCH), y.split(BATCH), strict=True)]
