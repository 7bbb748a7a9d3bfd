"""The interface between the loop and what is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from torch import Tensor, nn

from experiments.errors import UserError

Batch = TypeVar("Batch")
Rows = tuple[Tensor, ...]  # tensors with one row an example


@dataclass(frozen=True)
class Throughput:
    """What an optimiser step works through, over all processes: ``unit`` is a plural, such as tokens."""

    unit: str
    per_step: int


@dataclass(frozen=True)
class Surroundings:
    """What the surroundings of a trained model are measured with.

    ``loss`` takes (outputs, targets); ``batches`` are training data, (inputs, targets); ``pictures`` is training data
    as it lies on disk, uint8 [n, C, H, W]; ``loss_key`` is the metric of ``evaluate`` that is the loss.
    """

    loss: nn.Module
    batches: list[tuple[Tensor, Tensor]]
    pictures: Tensor
    loss_key: str


class Task(ABC, Generic[Batch]):
    """A model, its data and its loss. What a batch is, the task alone knows: the loop passes it on.

    Every batch is a function of (seed, step), and of this process's rank where several share the step.
    """

    model: nn.Module
    activation_type: type[nn.Module]  # of the configured activation's modules in the model
    steps_per_epoch: int
    fingerprint: str  # of the data
    throughput: Throughput | None = None
    flops_per_step: float | None = None  # of forward and backward passes, over all processes
    compiles: bool = True  # whether ``loss`` can be compiled
    units_last: Collection[nn.Module] = frozenset()  # activations whose input counts units along its last axis
    libraries: tuple[str, ...] = ()  # packages besides torch whose version may change the result
    lr_factors: Mapping[str, float] = MappingProxyType({})  # rates of parameters, by their prefix, as multiples of lr
    signatures: Mapping[str, str] = MappingProxyType({})  # texts for the result: how a metric was computed

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """What optimiser step ``step`` (from 0) trains on, on the device."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The mean loss of ``batch`` or of a part of it, a 0-d tensor in the family's ``loss_unit``."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """The family's metrics on the evaluation set, by key."""

    def final_metrics(self) -> dict[str, float]:
        """The metrics that are measured once, after the last step, because they take long."""
        return {}

    def parts(self, batch: Batch) -> Iterator[tuple[Batch, float]]:
        """``batch`` in parts, each with a backward pass of its own, and the weight of its loss.

        Weights add up to 1 over the parts of all processes.
        """
        yield batch, 1.0

    @abstractmethod
    def probe_batch(self) -> Batch:
        """A fixed small batch on which the activations are observed, see ``runs/mechanism.py``."""

    @abstractmethod
    def examples(self, batch: Batch) -> int:
        """How many examples the mean loss of ``batch`` is a mean over."""

    def close(self) -> None:
        """Let go of what the task holds besides memory, such as worker processes."""

    def fixed_batch(self) -> Batch:
        """What every L-BFGS step trains on: the whole of the training data, or a large part. Raises UserError where
        the task has no such batch."""
        raise UserError("recipe.lbfgs_steps: must be 0, since this kind of task has no fixed batch; physics has one")

    def probe_loss(self, batch: Batch) -> Tensor:
        """The loss of ``probe_batch()`` under which the activations are observed."""
        return self.loss(batch)

    def channel_axis(self, x: Tensor) -> int:
        """The axis of an activation's input ``x`` that counts units: 1 for [B, C, H, W], else the last.

        It is the last one for the modules in ``units_last``, whatever their input.
        """
        return 1 if x.ndim == 4 else x.ndim - 1

    def surroundings(self, examples: int) -> Surroundings:
        """Loss and training data for landscapes of the trained model. Raises UserError where there are none."""
        raise UserError("landscapes: this kind of task has none; image classification has")


def cut_rows(batch: Rows, rows: int | None, processes: int = 1) -> Iterator[tuple[Rows, float]]:
    """``Task.parts`` of tensors with one row an example: ``rows`` at a time, or all where it is None."""
    count = len(batch[0])
    for part in zip(*(tensor.split(rows or count) for tensor in batch), strict=True):
        yield part, len(part[0]) / (count * processes)
