"""The interface between the training loop and a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from torch import Tensor, nn

from experiments.errors import UserError

Batch = TypeVar("Batch")
Rows = tuple[Tensor, ...]  # tensors with one row per example


@dataclass(frozen=True)
class Throughput:
    """The amount of work in an optimiser step, over all processes. ``unit`` is a plural, such as tokens."""

    unit: str
    per_step: int


@dataclass(frozen=True)
class Surroundings:
    """The means to measure the surroundings of a trained model.

    ``loss`` takes (outputs, targets). ``batches`` are training data, (inputs, targets). ``pictures`` is training data
    as stored on disk, uint8 [n, C, H, W]. ``loss_key`` is the metric of ``evaluate`` that is the loss.
    """

    loss: nn.Module
    batches: list[tuple[Tensor, Tensor]]
    pictures: Tensor
    loss_key: str


class Task(ABC, Generic[Batch]):
    """A model, its data and its loss. Only the task knows the structure of a batch: the loop passes batches on.

    Every batch is a function of (seed, step), and of this process's rank where several share the step.
    """

    model: nn.Module
    activation_type: type[nn.Module]  # of the configured activation's modules in the model
    steps_per_epoch: int
    fingerprint: str  # of the data
    throughput: Throughput | None = None
    flops_per_step: float | None = None  # of forward and backward passes, over all processes
    compiles: bool = True  # whether ``loss`` can be compiled
    units_last: Collection[nn.Module] = frozenset()  # activations whose input has its units on the last axis
    libraries: tuple[str, ...] = ()  # packages besides torch whose version may change the result
    lr_factors: Mapping[str, float] = MappingProxyType({})  # learning rates as multiples of lr, by parameter prefix
    signatures: Mapping[str, str] = MappingProxyType({})  # strings for the result: how a metric was computed

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The training data of optimiser step ``step`` (from 0), on the device."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The mean loss of ``batch`` or of a part of it, a 0-d tensor in the family's ``loss_unit``."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """The family's metrics on the evaluation set, by key."""

    def final_metrics(self) -> dict[str, float]:
        """Metrics that take long, measured once after the last step."""
        return {}

    def parts(self, batch: Batch) -> Iterator[tuple[Batch, float]]:
        """``batch`` in parts, each with its own backward pass, and the weight of each part's loss.

        The weights add up to 1 over the parts of all processes.
        """
        yield batch, 1.0

    @abstractmethod
    def probe_batch(self) -> Batch:
        """A fixed small batch on which the activations are observed, see ``runs/mechanism.py``."""

    @abstractmethod
    def examples(self, batch: Batch) -> int:
        """The number of examples that the mean loss of ``batch`` averages."""

    def close(self) -> None:
        """Release what the task holds besides memory, such as worker processes."""

    def fixed_batch(self) -> Batch:
        """The batch of every L-BFGS step: all training data, or a large part of it.

        Raises UserError if the task has no fixed batch.
        """
        raise UserError("recipe.lbfgs_steps: must be 0, since this kind of task has no fixed batch; physics has one")

    def probe_loss(self, batch: Batch) -> Tensor:
        """The loss of ``probe_batch()`` with which the activations are observed."""
        return self.loss(batch)

    def channel_axis(self, x: Tensor) -> int:
        """The axis of an activation's input ``x`` that counts units: 1 for [B, C, H, W], else the last.

        For the modules in ``units_last`` it is always the last.
        """
        return 1 if x.ndim == 4 else x.ndim - 1

    def surroundings(self, examples: int) -> Surroundings:
        """Loss and training data for landscapes of the trained model. Raises UserError if there are none."""
        raise UserError("landscapes: this kind of task has none; image classification has")


def cut_rows(batch: Rows, rows: int | None, processes: int = 1) -> Iterator[tuple[Rows, float]]:
    """``Task.parts`` for tensors with one row per example: ``rows`` at a time, or all if it is None."""
    count = len(batch[0])
    for part in zip(*(tensor.split(rows or count) for tensor in batch), strict=True):
        yield part, len(part[0]) / (count * processes)
