"""Tasks on devices that this machine lacks: tensors have shapes, types and a device, but no values.

A task is built on torch's ``meta`` device. So the tensors on its device can be distinguished from those on the CPU.
Then the former become fake tensors of the simulated device, and a forgotten CPU tensor is an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from experiments.config.compose import compose_run
from experiments.families.build import build_task
from experiments.families.physics.task import PhysicsTask
from experiments.families.task import Task
from experiments.runs.loop import Trainer

META = torch.device("meta")
STEPS = 2


class FakeTrainer(Trainer):
    def autocast(self) -> Any:
        """None on ``meta``, which has no autocast."""
        return contextlib.nullcontext() if self.device == META else super().autocast()


class FakeDevice:
    """A task on a fake ``cuda``, ``cpu`` or ``meta`` device, and batches for its first steps."""

    def __init__(self, words: list[str], kind: str) -> None:
        self.mode, self.device = FakeTensorMode(allow_non_fake_inputs=True), torch.device(kind)
        self.config = compose_run([*words, "impl=deterministic", "recipe.log_every=1000000"])
        self.task: Task[Any] = build_task(self.config, META)
        drawn = [self.task.batch(step) for step in range(STEPS + 1)]  # real draws: shapes follow from them
        probe = self.task.probe_batch()
        with self.mode:
            self.batches = [self.faked(batch) for batch in drawn]
            self.probe_batch = self.faked(probe)
            self.replace_tensors(self.task)
        if hasattr(self.task, "device"):
            self.task.device = self.device
        self.task.batch = self.batches.__getitem__  # type: ignore[method-assign, assignment]
        # Autograd's engine wants a real GPU: on a fake one, a loss that differentiates within itself cannot be taken.
        self.loss_name = "probe_loss" if kind == "cuda" and not can_be_taken(self.task) else "loss"

    def plant(self, fault: Callable[[Tensor], Tensor]) -> None:
        """Let ``fault`` have the loss that ``forward`` or ``step`` takes."""
        honest = getattr(self.task, self.loss_name)
        setattr(self.task, self.loss_name, lambda batch: fault(honest(batch)))

    def fake(self, tensor: Tensor) -> Tensor:
        return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=self.device)

    def faked(self, value: Any) -> Any:
        """``value`` with a fake tensor for each tensor on ``meta``, within containers and dataclasses too."""
        if isinstance(value, Tensor):
            return self.fake(value) if value.device == META else value
        if isinstance(value, (list, tuple)):
            return type(value)(self.faked(item) for item in value)
        if isinstance(value, dict):
            return {key: self.faked(item) for key, item in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: self.faked(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return dataclasses.replace(value, **fields)
        return value

    def replace_tensors(self, task: Task[Any]) -> None:
        """Those of the task, of its images and of its network, whose parameters and buffers stay such."""
        for module in task.model.modules():
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    module._parameters[name] = nn.Parameter(self.fake(parameter), parameter.requires_grad)
            for name, buffer in module._buffers.items():
                module._buffers[name] = self.faked(buffer)
            plain(module, self.faked)
        plain(task, self.faked)
        plain(getattr(task, "images", task), self.faked)

    def forward(self, bf16: bool = False) -> Tensor:
        """The loss of the first part of a batch, without a backward pass; ``bf16``: as autocast computes it."""
        with self.mode, torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            if self.loss_name == "probe_loss":
                return self.task.probe_loss(self.probe_batch)
            part, _ = next(self.task.parts(self.batches[0]))
            return self.task.loss(part)

    def evaluate(self) -> dict[str, float]:
        """The metrics, none of them a true value: where an evaluation waits for sums, it gets made-up ones."""
        with self.mode, mock.patch.multiple(FakeTensor, create=True, item=zero, tolist=ones):
            return self.task.evaluate()

    def step(self) -> FakeTrainer:
        """Whole steps: loss, backward, clipping, optimiser, average of the weights; then one more from the state."""
        recipe = dataclasses.replace(self.config.recipe, clip=1.0, ema=0.9, eval_every_steps=10**6)
        impl = dataclasses.replace(self.config.impl, mechanism=False)
        with self.mode:
            trainer = FakeTrainer(self.task, recipe, impl, self.device)
            for _ in range(STEPS):
                trainer.advance()
            trainer.load(trainer.state())
            trainer.advance()
        return trainer


def zero(tensor: Tensor) -> int:
    return 0


def ones(tensor: Tensor) -> list[int]:
    return [1] * tensor.numel()


def can_be_taken(task: Task[Any]) -> bool:
    return not isinstance(task, PhysicsTask)


def plain(owner: Any, replaced: Any) -> None:
    for name, value in vars(owner).items():
        if isinstance(value, Tensor):
            vars(owner)[name] = replaced(value)
