"""Trainers of runs that differ in seed and ε alone, advanced as one: their weights are rows of stacked tensors.

A member's own model and optimiser hold views of its row. So evaluations, checkpoints and the log of a member are made
by its own trainer as if it were alone, and only the step itself is shared. Everything a member needs of randomness is
addressed by its seed, so its batches are those it would see alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from experiments.config.schema import Impl
from experiments.device import compiled
from experiments.loop import NEVER, Trainer
from experiments.models import activation_factory
from experiments.tasks.images import ImageTask
from experiments.together import layers

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


class Ensemble:
    """K trainers that stand at the same step. ``advance()`` moves all of them; their states are current after it.

    The step is compiled as ``impl`` says. A seconds count of a member is its share, a Kth, of the ensemble's.
    """

    def __init__(self, trainers: Sequence[Trainer], impl: Impl | None = None) -> None:
        self.trainers, self.first = list(trainers), trainers[0]
        if self.first.device.type == "cpu":
            keep_freed_memory()
        assert len({trainer.step for trainer in trainers}) == 1
        self.tasks = [images(trainer) for trainer in trainers]
        models = [task.model for task in self.tasks]
        self.parameters = {name: p.requires_grad_() for name, p in stack(nn.Module.named_parameters, models).items()}
        self.model = layers.stacked(models[0], self.parameters | stack(nn.Module.named_buffers, models))
        if any(task.activation != self.tasks[0].activation for task in self.tasks):
            layers.separate(self.model, models, type(activation_factory(self.tasks[0].activation)()))
        self.optimizer = self.stacked_optimizer()
        self.losses = compiled(self.stacked_losses, impl) if impl else self.stacked_losses
        self.loss_sum = torch.stack([trainer.loss_sum for trainer in trainers])
        self.first_bad = torch.stack([trainer.first_bad for trainer in trainers])

    def advance(self) -> list[dict[str, Any] | None]:
        """One optimiser step of every member; what each has to log after it, where a line is due."""
        started, first = time.perf_counter(), self.first
        rate = first.schedule.rate(first.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        losses = self.backward()
        for trainer in self.trainers:
            trainer.step += 1
            trainer.loss_count += 1
        norms = self.gradient_norms() if first.recipe.clip or first.line_due else None
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.loss_sum += losses
        finite = losses.isfinite() if norms is None else losses.isfinite() & norms.isfinite()
        self.first_bad = torch.where((self.first_bad == NEVER) & ~finite, first.step, self.first_bad)
        lines: list[dict[str, Any] | None] = [None] * len(self.trainers)
        if first.line_due:
            self.hand_back()
            assert norms is not None
            lines = [trainer.line(rate, norm) for trainer, norm in zip(self.trainers, norms, strict=True)]
            self.loss_sum = torch.zeros_like(self.loss_sum)
        share = (time.perf_counter() - started) / len(self.trainers)
        for trainer, line in zip(self.trainers, lines, strict=True):
            trainer.seconds += share
            if line is not None:
                line |= trainer.times()
        return lines

    def backward(self) -> Tensor:
        """Leave the gradient of every member's loss; return the losses [K], detached."""
        batches = [task.batch(self.first.step) for task in self.tasks]
        x, y = (torch.cat(tensors) for tensors in zip(*batches, strict=True))
        with torch.autocast(self.first.device.type, torch.bfloat16, enabled=self.first.bf16):
            losses = self.losses(x, y)
        losses.sum().backward()
        return losses.detach()

    def stacked_losses(self, x: Tensor, y: Tensor) -> Tensor:
        """The loss [K] of every member on its rows of ``x`` and ``y``."""
        losses = self.tasks[0].criterion(self.model(self.tasks[0].normalise(x)), y, "none")
        return losses.view(len(self.trainers), -1).mean(1)

    def gradient_norms(self) -> Tensor:
        """Norm [K] of each member's gradient before clipping; clips each by its own where the recipe says so."""
        gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
        norms = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients])
        norm = torch.linalg.vector_norm(norms, dim=0)
        if self.first.recipe.clip:
            factors = (self.first.recipe.clip / (norm + 1e-6)).clamp(max=1.0)  # as torch.nn.utils clips
            for gradient in gradients:
                gradient.mul_(factors.view(-1, *[1] * (gradient.ndim - 1)))
        return norm

    def hand_back(self) -> None:
        """Let every trainer's state be its own again: sums, and views of the optimiser's moments."""
        own = {id(p): name for name, p in self.tasks[0].model.named_parameters()}
        named = [(own[id(p)], index) for index, p in enumerate(optimized(self.first))]
        for member, trainer in enumerate(self.trainers):
            trainer.loss_sum, trainer.first_bad = self.loss_sum[member].clone(), self.first_bad[member].clone()
            for group, stacked in zip(trainer.optimizer.param_groups, self.optimizer.param_groups, strict=True):
                group["lr"] = stacked["lr"]
            parameters = optimized(trainer)
            for name, index in named:
                state = self.optimizer.state[self.parameters[name]]
                trainer.optimizer.state[parameters[index]] = {
                    key: value if key == "step" or value is None else value[member] for key, value in state.items()
                }

    def stacked_optimizer(self) -> torch.optim.Optimizer:
        """The members' optimiser over the stacked parameters, with their moments."""
        own = {id(p): self.parameters[name] for name, p in self.tasks[0].model.named_parameters()}
        groups = [
            group | {"params": [own[id(p)] for p in group["params"]]} for group in self.first.optimizer.param_groups
        ]
        optimizer = type(self.first.optimizer)(groups)  # type: ignore[call-arg]
        for rows in zip(*map(optimized, self.trainers), strict=True):
            states = [trainer.optimizer.state[p] for trainer, p in zip(self.trainers, rows, strict=True)]
            if states[0]:
                optimizer.state[own[id(rows[0])]] = {
                    key: value if key == "step" or value is None else torch.stack([state[key] for state in states])
                    for key, value in states[0].items()
                }
        return optimizer


def images(trainer: Trainer) -> ImageTask:
    assert isinstance(trainer.task, ImageTask)
    return trainer.task


def stack(named: Callable[..., Any], models: Sequence[nn.Module]) -> dict[str, Tensor]:
    """By name the models' tensors in one, [K, …]; each model's own becomes a view of it."""
    whole = {}
    for same in zip(*(named(model) for model in models), strict=True):
        rows = [row for _, row in same]
        name = same[0][0]
        whole[name] = torch.stack([row.detach() for row in rows])
        for row, view in zip(rows, whole[name], strict=True):
            row.data = view
    return whole


def optimized(trainer: Trainer) -> list[Tensor]:
    return [p for group in trainer.optimizer.param_groups for p in group["params"]]


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep what is freed. The tensors of an ensemble are large enough to be mapped anew at every step, and
    touching fresh pages took a quarter of it. Another C library has no such switch, or other needs."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        for parameter, value in ((M_MMAP_THRESHOLD, 1 << 30), (M_TRIM_THRESHOLD, (1 << 31) - 1)):
            mallopt(parameter, value)
