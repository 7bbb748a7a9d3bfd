"""Pictures of a trained network: its solution, its error and its residual, beside the reference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from experiments.config.schema import Config
from experiments.families.physics.task import PhysicsTask
from experiments.processes import Processes

PIECE = 2048  # points whose derivatives are computed together
SIZE, DOTS = (4.0, 3.0), 150


def draw_solution(config: Config, state: Mapping[str, Any], out: Path) -> list[Path]:
    """``<out>/solution.png`` for the weights ``state`` of a run of ``config``."""
    task = PhysicsTask(config, torch.device("cpu"), Processes())
    task.model.load_state_dict(state)
    task.model.eval()
    panels = {"network": found_solution(task), "reference": task.reference, "error": error_of(task)}
    panels["residual"] = residual_of(task)
    figure = draw_lines(task, panels) if len(task.problem.axes) == 1 else draw_maps(task, panels)
    relative = task.relative_error()
    figure.suptitle(f"{config.dataset.title}: relative L2 error {relative:.2e}", fontsize=9)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "solution.png"
    figure.savefig(path, dpi=DOTS, metadata={"Software": None})
    return [path]


@torch.no_grad()
def found_solution(task: PhysicsTask) -> Tensor:
    return task.solution(task.test_points)


def error_of(task: PhysicsTask) -> Tensor:
    return found_solution(task) - task.reference


def residual_of(task: PhysicsTask) -> Tensor:
    """The residual at every test point. For Deep Ritz, the error of the derivative."""
    found = []
    for points in task.test_points.split(PIECE):
        jets = task.model.jets(points, task.problem.orders)
        found.append(task.problem.residual(points, task.problem.candidate_jets(points, jets)).detach())
    return torch.cat(found)


def draw_lines(task: PhysicsTask, panels: Mapping[str, Tensor]) -> Figure:
    """Network and reference in one panel; error and residual in one panel each."""
    figure = Figure(figsize=(3 * SIZE[0], SIZE[1]), layout="constrained")
    (left, middle, right) = figure.subplots(1, 3)
    x = task.test_points[:, 0].numpy()
    left.plot(x, panels["reference"].numpy(), color="0.7", linewidth=4, label="reference")
    left.plot(x, panels["network"].numpy(), color="#0072B2", linewidth=1.2, label="network")
    left.legend(frameon=False, fontsize=8)
    left.set_ylabel("u")
    for panel, key in ((middle, "error"), (right, "residual")):
        panel.plot(x, panels[key].numpy(), color="#D55E00", linewidth=1)
        panel.set_ylabel(key)
    for panel in (left, middle, right):
        panel.set_xlabel(task.problem.axes[0].name)
    return figure


def draw_maps(task: PhysicsTask, panels: Mapping[str, Tensor]) -> Figure:
    """A map over both axes for each of the four."""
    figure = Figure(figsize=(2 * SIZE[0], 2 * SIZE[1]), layout="constrained")
    top = panels["reference"].abs().max().item()
    for panel, (key, values) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
        own = values.abs().max().item()
        draw_map(panel, task, values, key, top if key in ("network", "reference") else own)
    return figure


def draw_map(panel: Axes, task: PhysicsTask, values: Tensor, title: str, top: float) -> None:
    """Blue below 0, red above. Equal distances from 0 have equal strength."""
    down, across = task.problem.axes
    image = panel.imshow(
        values.view(down.tested, across.tested).T.numpy(),
        extent=(down.low, down.high, across.low, across.high),
        origin="lower",
        aspect="auto",
        cmap="RdBu_r",
        vmin=-top,
        vmax=top,
    )
    panel.set(xlabel=down.name, ylabel=across.name, title=title)
    assert panel.figure is not None
    panel.figure.colorbar(image, ax=panel)
