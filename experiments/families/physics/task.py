"""A network that solves a problem: collocation points determined by (seed, step), errors against the reference."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from experiments.activations.build import activation_factory
from experiments.activations.names import activation_label
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.physics import schema
from experiments.families.physics.collocation import collocation_points, gauss_points
from experiments.families.physics.derivatives.check import check_derivatives
from experiments.families.physics.metrics import FLOOR
from experiments.families.physics.models.pinn import PINN, build_pinn
from experiments.families.physics.problems.build import build_problem
from experiments.families.physics.schema import PhysicsRecipe
from experiments.families.task import Rows, Task, cut_rows
from experiments.processes import Processes
from experiments.randomness import generator

TEST_LOSS_POINTS = 1024  # a square, for problems with two axes
PROBE_POINTS = 256
DTYPES = {"float32": torch.float32, "float64": torch.float64}


class PhysicsTask(Task[Rows]):
    """The mean of the problem's loss density over collocation points. A batch is points [B, axes]."""

    model: PINN
    compiles = False  # the loss contains derivatives
    steps_per_epoch = 1

    def __init__(self, config: Config, device: torch.device, processes: Processes) -> None:
        recipe, model = config.recipe, config.model
        assert isinstance(recipe, PhysicsRecipe)
        assert isinstance(model, schema.PINN)
        assert isinstance(config.dataset, schema.ProblemDataset)
        if processes.count > 1:
            raise UserError(
                f"dataset={config.dataset.name}: {processes.count} processes were started, but a physics problem "
                f"trains in one; start one process a run"
            )
        self.recipe, self.seed, self.device = recipe, config.seed, device
        self.dtype = DTYPES[recipe.dtype]
        self.problem = build_problem(config.dataset)
        self.fingerprint = self.problem.fingerprint
        self.micro_batch = config.impl.micro_batch
        self.grid = self.placed(collocation_points(self.problem.axes, recipe.points, None))
        count = recipe.lbfgs_points or recipe.points
        self.fixed = self.placed(collocation_points(self.problem.axes, count, None, "recipe.lbfgs_points"))
        activation = activation_factory(config.activation)
        self.activation_type = type(activation())
        network = build_pinn(self.problem.axes, model, activation, config.seed)
        check_derivatives(self.problem, network, f"activation={activation_label(config.activation)}")
        self.model = network.to(device, self.dtype)
        self.test_points = self.placed(self.problem.test_points())
        self.reference = self.placed(self.problem.reference(config.cache_dir))
        self.loss_points = self.placed(collocation_points(self.problem.axes, TEST_LOSS_POINTS, None))
        self.held_out = self.held_out_rule(config.dataset) if config.dataset.holdout else None

    def held_out_rule(self, dataset: schema.ProblemDataset) -> tuple[Tensor, Tensor | None]:
        """Points [P, axes] and weights [P] of the held-out loss, the same for every seed; None: the plain mean."""
        axes, key = self.problem.axes, "dataset.holdout"
        if dataset.holdout_points == "gauss":
            points, weights = gauss_points(axes, dataset.holdout, key)
            return self.placed(points), self.placed(weights)
        return self.placed(collocation_points(axes, dataset.holdout, generator(0, "holdout"), key)), None

    def placed(self, values: Tensor) -> Tensor:
        return values.to(self.device, self.dtype)

    def batch(self, step: int) -> Rows:
        if self.recipe.sampling == "grid":
            return (self.grid,)
        draw = generator(self.seed, "points", step)
        return (self.placed(collocation_points(self.problem.axes, self.recipe.points, draw)),)

    def fixed_batch(self) -> Rows:
        return (self.fixed,)

    def parts(self, batch: Rows) -> Iterator[tuple[Rows, float]]:
        return cut_rows(batch, self.micro_batch or math.ceil(len(batch[0]) / self.recipe.accumulate))

    def loss(self, batch: Rows) -> Tensor:
        """The mean density of the problem's loss."""
        (points,) = batch
        return self.density(points).mean()

    def density(self, points: Tensor) -> Tensor:
        """The density of the problem's loss at ``points`` [B, axes], tensor [B]."""
        jets = self.model.jets(points, self.problem.orders)
        return self.problem.density(points, self.problem.candidate_jets(points, jets))

    def solution(self, points: Tensor) -> Tensor:
        """The candidate solution at ``points`` [B, axes]."""
        return self.problem.candidate(points, self.model(points))

    def evaluate(self) -> dict[str, float]:
        self.model.eval()
        try:
            if self.held_out is None:
                loss = self.loss((self.loss_points,)).item()
                return {"test_log10_error": log10_above_floor(self.relative_error()), "test_loss": loss}
            points, weights = self.held_out
            density = self.density(points)
            loss = (density.mean() if weights is None else torch.dot(weights, density)).item()
            return {"holdout_log10_loss": log10_above_floor(loss), "holdout_loss": loss}
        finally:
            self.model.train()

    @torch.no_grad()
    def relative_error(self) -> float:
        """The relative L2 error on the test grid."""
        error = torch.linalg.vector_norm(self.solution(self.test_points) - self.reference)
        return float(error / torch.linalg.vector_norm(self.reference))

    def probe_batch(self) -> Rows:
        """Some test points, the same for every seed, with the reference values there."""
        chosen = torch.randperm(len(self.reference), generator=generator(0, "probe"))[:PROBE_POINTS].to(self.device)
        return self.test_points[chosen], self.reference[chosen]

    def probe_loss(self, batch: Rows) -> Tensor:
        """The mean squared error. It depends on each activation by its value alone, because f'(x) is observed here."""
        points, reference = batch
        return torch.mean((self.solution(points) - reference) ** 2)

    def examples(self, batch: Rows) -> int:
        return len(batch[0])


def log10_above_floor(value: float) -> float:
    """log10 of ``value``, at least that of ``FLOOR``; nan if ``value`` is not finite."""
    return math.log10(max(value, FLOOR)) if math.isfinite(value) else math.nan
