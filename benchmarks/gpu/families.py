"""One step of every family on the device, compared with the same step on the CPU."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.child import Row
from experiments.config.compose import compose_run
from experiments.device import prepare_device
from experiments.families.build import build_task
from experiments.families.registry import families
from experiments.runs.loop import Trainer

LIMIT = 1e-3  # relative; for a float32 gradient with sums in another order


def rows(device: str, results_dir: Path) -> Iterator[Row]:
    for name, family in families().items():
        with tempfile.TemporaryDirectory() as folder:
            words = family.example(Path(folder))
            if words:
                yield {"family": name, **compare(words, device)}


def compare(words: list[str], device: str) -> Row:
    """One row. An error of the family's libraries becomes part of it."""
    try:
        loss, gradient, _ = first_step(words, "cpu")
        theirs, their_gradient, metrics = first_step(words, device)
    except Exception as error:
        return {"right": False, "evaluated": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}
    apart = float((their_gradient - gradient).norm() / gradient.norm())
    loss_apart = abs(theirs - loss) / abs(loss)
    return {
        "loss": loss,
        "loss_difference": loss_apart,
        "gradient_difference": apart,
        "evaluated": ", ".join(f"{key} {value:.4g}" for key, value in metrics.items()),
        "right": loss_apart <= LIMIT and apart <= LIMIT,
    }


def first_step(words: list[str], device: str) -> tuple[float, Tensor, dict[str, float]]:
    """Loss and gradient of the first batch on ``device``, and the metrics after one step."""
    config = compose_run([*words, f"impl.device={device}", "impl=default"])
    place = prepare_device(config.impl)
    with contextlib.closing(build_task(config, place)) as task:
        trainer = Trainer(task, config.recipe, config.impl, place)
        loss = float(trainer.mean_backward(task.batch(0)))
        gradient = flat_gradient(task.model)
        trainer.optimizer.zero_grad(set_to_none=True)
        trainer.advance()
        return loss, gradient, task.evaluate()


def flat_gradient(model: Any) -> Tensor:
    parts = [p.grad.detach().cpu().double().flatten() for p in model.parameters() if p.grad is not None]
    return torch.cat(parts)
