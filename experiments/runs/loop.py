"""The training loop, one optimiser step at a time: precision, schedules, clipping and divergence.

A task (``families/task.py``) provides what is trained; ``session.py`` handles files.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import Any

import torch
from torch import Tensor

from experiments.config.schema import Impl, Recipe
from experiments.device import compiled, peak_flops
from experiments.errors import UserError
from experiments.families.task import Task
from experiments.precision import autocast
from experiments.processes import Processes
from experiments.runs.averaging import WeightAverage
from experiments.runs.lbfgs import LBFGS
from experiments.runs.mechanism import Probe
from experiments.runs.optimizer import make_optimizer
from experiments.runs.schedule import Schedule

NEVER = -1


class Trainer:
    """The state of one training and its updates: ``advance()`` until ``done`` or ``diverged``.

    All sums stay on the device; only ``line()`` waits for them.
    """

    def __init__(
        self, task: Task[Any], recipe: Recipe, impl: Impl, device: torch.device, processes: Processes | None = None
    ) -> None:
        check_fit(task, recipe, impl)
        self.task, self.recipe, self.device = task, recipe, device
        self.processes = processes or Processes()
        self.schedule = Schedule(recipe, task.steps_per_epoch)
        self.total_steps = self.schedule.total
        self.optimizer = make_optimizer(task.model, recipe, not impl.deterministic, task.lr_factors)
        self.lbfgs = LBFGS(task.model) if recipe.lbfgs_steps else None
        self.fixed_batch = task.fixed_batch() if recipe.lbfgs_steps else None
        self.average = WeightAverage(task.model, recipe.ema) if recipe.ema is not None else None
        self.loss = compiled(task.loss, impl)
        self.bf16 = impl.precision == "bf16"
        self.peak_flops = peak_flops(device, self.bf16)
        self.probe = Probe(task, device, self.bf16) if impl.mechanism else None
        self.step = self.timed_step = 0
        self.seconds = self.timed_seconds = 0.0
        self.loss_sum = torch.zeros((), device=device)
        self.loss_count = 0
        self.first_bad = torch.full((), NEVER, device=device)
        self.diverged = False
        task.model.train()

    @property
    def done(self) -> bool:
        return self.diverged or self.step >= self.total_steps

    @property
    def epoch(self) -> float:
        return self.step / self.task.steps_per_epoch

    @property
    def evaluation_due(self) -> bool:
        return self.step % self.schedule.eval_every == 0 or self.step == self.total_steps

    @property
    def line_due(self) -> bool:
        return self.step % self.recipe.log_every == 0 or self.evaluation_due

    def advance(self) -> dict[str, Any] | None:
        """Take one optimiser step. Returns the line to log if one is due."""
        started = time.perf_counter()
        rate = self.schedule.rate(self.step)
        first_order = self.step < self.schedule.first_order
        loss, gradient_norm = self.take_step(rate) if first_order else self.take_lbfgs_step()
        if self.average:
            self.average.update()
        self.watch(loss, gradient_norm)
        line = self.line(rate, gradient_norm) if self.line_due else None
        self.seconds += time.perf_counter() - started
        if line is not None:
            line |= self.times()
        return line

    def take_step(self, rate: float) -> tuple[Tensor, Tensor | None]:
        """One step of ``recipe.optimizer``. Returns loss and gradient norm before it; the norm only if it is needed."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("lr_factor", 1.0)
        loss = self.mean_backward(self.task.batch(self.step))
        self.step += 1
        gradient_norm = self.gradient_norm() if self.recipe.clip or self.line_due else None
        if self.recipe.clip:
            assert gradient_norm is not None
            torch.nn.utils.clip_grads_with_norm_(self.task.model.parameters(), self.recipe.clip, gradient_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss, gradient_norm

    def take_lbfgs_step(self) -> tuple[Tensor, Tensor]:
        """One step of L-BFGS on the fixed batch. Returns loss and gradient norm before it."""
        assert self.lbfgs is not None
        before: list[tuple[Tensor, Tensor]] = []

        def backward() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.mean_backward(self.fixed_batch)
            if not before:
                before.append((loss, self.gradient_norm()))
            return loss

        self.lbfgs.step(backward)
        self.step += 1
        return before[0]

    def mean_backward(self, batch: Any) -> Tensor:
        """Accumulate the gradient of the mean loss over all processes; return this loss, detached."""
        return self.processes.sum_gradients(self.task.model, self.backward(batch))

    def times(self) -> dict[str, float]:
        """The values that differ between equal runs: seconds of training so far, and the speed since the last line."""
        times = {"seconds": round(self.seconds, 3)}
        work = self.task.throughput
        if work is not None and self.step > self.timed_step:
            rate = (self.step - self.timed_step) / (self.seconds - self.timed_seconds)
            times[f"{work.unit}_per_second"] = round(rate * work.per_step, 1)
            if self.peak_flops is not None and self.task.flops_per_step is not None:
                times["mfu"] = round(rate * self.task.flops_per_step / (self.peak_flops * self.processes.count), 4)
        self.timed_step, self.timed_seconds = self.step, self.seconds
        return times

    def backward(self, batch: Any) -> Tensor:
        """Accumulate the gradient of this process's part of the mean loss; return this part, detached."""
        total = torch.zeros((), device=self.device)
        for part, weight in self.task.parts(batch):
            with self.autocast():
                loss = self.loss(part) * weight
            loss.backward()
            total = total + loss.detach()  # not in place, so that a float64 loss keeps its digits
        return total

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        return autocast(self.device, self.bf16)

    def gradient_norm(self) -> Tensor:
        """Norm of the whole gradient."""
        return torch.nn.utils.get_total_norm([p.grad for p in self.task.model.parameters() if p.grad is not None])

    def watch(self, loss: Tensor, gradient_norm: Tensor | None) -> None:
        """Add to the mean loss; remember the first step whose loss or gradient is not finite."""
        self.loss_sum = self.loss_sum + loss
        self.loss_count += 1
        finite = loss.isfinite() if gradient_norm is None else loss.isfinite() & gradient_norm.isfinite()
        self.first_bad = torch.where((self.first_bad == NEVER) & ~finite, self.step, self.first_bad)

    def line(self, rate: float, gradient_norm: Tensor | None) -> dict[str, Any]:
        """The line of metrics.jsonl for this step. It detects divergence, so always at the same step."""
        assert gradient_norm is not None
        work = self.task.throughput
        line: dict[str, Any] = {
            "step": self.step,
            "epoch": round(self.epoch, 6),
            **({work.unit: self.step * work.per_step} if work else {}),
            "lr": rate,
            "train_loss": self.loss_sum.item() / self.loss_count,
            "gradient_norm": gradient_norm.item(),
        }
        self.diverged = self.first_bad.item() != NEVER
        if self.diverged:
            line["diverged_at_step"] = int(self.first_bad.item())
        elif self.evaluation_due:
            with self.average.in_place() if self.average else contextlib.nullcontext(), self.autocast():
                line |= self.task.evaluate()
                if self.step == self.total_steps:
                    line |= self.task.final_metrics()
            if not all(math.isfinite(value) for value in line.values()):
                self.diverged, line["diverged_at_step"] = True, self.step
            elif self.probe:
                line |= self.probe()
        self.loss_sum = torch.zeros_like(self.loss_sum)
        self.loss_count = 0
        return line

    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs. No generator states, because randomness is addressed by step."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "loss_sum": self.loss_sum,
            "loss_count": self.loss_count,
            "first_bad": self.first_bad,
            "diverged": self.diverged,
            "model": self.task.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            **({"lbfgs": self.lbfgs.state()} if self.lbfgs else {}),
            **({"average": self.average.state()} if self.average else {}),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from ``state()``. The optimiser's settings come from the recipe, its moments from the state.

        The rate of the last step comes from the state too: a run killed after its last step takes no more steps.
        """
        self.step, self.seconds = self.timed_step, self.timed_seconds = state["step"], state["seconds"]
        self.loss_sum, self.first_bad = (state[key].to(self.device) for key in ("loss_sum", "first_bad"))
        self.loss_count, self.diverged = state["loss_count"], state["diverged"]
        self.task.model.load_state_dict(state["model"])
        own = [{k: v for k, v in group.items() if k not in ("params", "lr")} for group in self.optimizer.param_groups]
        groups = [saved | mine for saved, mine in zip(state["optimizer"]["param_groups"], own, strict=True)]
        # Set beforehand, because torch places AdamW's step count according to ``fused`` in the state.
        self.optimizer.load_state_dict(state["optimizer"] | {"param_groups": groups})
        if self.lbfgs:
            self.lbfgs.load(state["lbfgs"])
        if self.average:
            self.average.load(state["average"])


def check_fit(task: Task[Any], recipe: Recipe, impl: Impl) -> None:
    """Raise UserError if ``impl`` requests what the task or the recipe does not allow."""
    if recipe.dtype == "float64" and impl.precision == "bf16":
        raise UserError("impl.precision=bf16: must be fp32 where recipe.dtype=float64")
    if impl.compile and not task.compiles:
        raise UserError("impl.compile=true: this kind of task cannot be compiled; use impl.compile=false")
    if impl.cuda_graphs and next(task.parts(task.batch(0)))[1] < 1:
        raise UserError("impl.cuda_graphs=true: needs one pass a step; this run adds up the gradients of several")
