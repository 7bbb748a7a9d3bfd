"""The interface between the loop and what is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from experiments.config import Config
from experiments.config.schema import TextDataset
from experiments.errors import UserError
from experiments.processes import Processes


class Task(Protocol):
    """Everything the loop needs to know about images, or text."""

    model: nn.Module
    steps_per_epoch: int
    fingerprint: str  # of the data
    micro_batch: int | None  # rows a backward pass; None: all of a batch
    tokens_per_step: int | None  # of text, over all processes
    flops_per_step: float | None  # of a language model

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """The tensors of optimiser step ``step`` (from 0), on the device: a function of (seed, step) alone, and of
        this process's rank where several share the step."""
        ...

    @property
    def loss(self) -> Callable[..., Tensor]:
        """Called with the tensors of one batch: their mean loss in nats, a 0-d tensor."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Metrics on the evaluation set, such as ``test_accuracy`` in percent and ``test_loss`` in nats."""
        ...


def build_task(config: Config, device: torch.device, processes: Processes | None = None) -> Task:
    """The task of ``config``. Raises UserError when its data is missing or wrong."""
    processes = processes or Processes()
    if isinstance(config.dataset, TextDataset):
        from experiments.data.text import prepare_tokens
        from experiments.tasks.text import TextTask

        tokens = prepare_tokens(config.dataset, config.model, config.data_dir, config.cache_dir)
        return TextTask(config, tokens, device, processes)
    from experiments.data import load_images
    from experiments.tasks.images import ImageTask

    if processes.count > 1:
        raise UserError(
            f"dataset={config.dataset.name}: {processes.count} processes were started, but images train in one, since "
            f"BatchNorm sees the whole batch; start one process a run"
        )
    return ImageTask(config, load_images(config.dataset, config.data_dir, config.cache_dir), device)


class Builder:
    """``build_task`` for runs that differ in seed and ε alone, one after another: they share one model object, so
    that what was compiled for the first serves all. Bit for bit the tasks that ``build_task`` gives."""

    def __init__(self) -> None:
        self.task: Task | None = None

    def __call__(self, config: Config, device: torch.device, processes: Processes | None = None) -> Task:
        become = getattr(self.task, "become", None)
        if become is None:
            self.task = build_task(config, device, processes)
        else:
            become(config)
        assert self.task is not None
        return self.task
