"""The interface between the loop and what is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from experiments.config import Config


class Task(Protocol):
    """Everything the loop needs to know about images, or text."""

    model: nn.Module
    steps_per_epoch: int
    fingerprint: str  # of the data

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """The tensors of optimiser step ``step`` (from 0), on the device: a function of (seed, step) alone."""
        ...

    @property
    def loss(self) -> Callable[..., Tensor]:
        """Called with the tensors of one batch: their mean loss in nats, a 0-d tensor."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Metrics on the evaluation set, such as ``test_accuracy`` in percent and ``test_loss`` in nats."""
        ...


def build_task(config: Config, device: torch.device) -> Task:
    """The task of ``config``. Raises UserError when its data is missing or wrong."""
    from experiments.data import load_images
    from experiments.tasks.images import ImageTask

    return ImageTask(config, load_images(config.dataset, config.data_dir, config.cache_dir), device)
