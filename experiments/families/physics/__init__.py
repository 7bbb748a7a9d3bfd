"""Differential equations solved by a network, with derivatives of first, second and fourth order in the loss."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.config.schema import Config, Dataset, Model, Recipe
from experiments.errors import UserError
from experiments.families.family import Family, common_words
from experiments.families.physics import schema
from experiments.families.physics.metrics import METRICS

if TYPE_CHECKING:
    import torch

    from experiments.families.task import Task
    from experiments.processes import Processes


class Physics(Family):
    kind = "physics"
    datasets: ClassVar = {
        "deep_ritz": schema.ProblemDataset,
        "poisson": schema.ProblemDataset,
        "burgers": schema.BurgersDataset,
        "allen_cahn": schema.AllenCahnDataset,
        "beam": schema.ProblemDataset,
    }
    models: ClassVar = {"pinn": schema.PINN}
    recipe = schema.PhysicsRecipe
    metrics = METRICS
    held_out: ClassVar = {"test_log10_error": "holdout_log10_loss", "test_loss": "holdout_loss"}
    progress_key = "step"
    loss_unit = "relative to the right-hand side"

    def build_task(self, config: Config, device: torch.device, processes: Processes) -> Task[Any]:
        from experiments.families.physics.task import PhysicsTask

        return PhysicsTask(config, device, processes)

    def check(self, dataset: Dataset, model: Model, recipe: Recipe) -> None:
        if recipe.epochs is not None:
            raise UserError(f"recipe.epochs={recipe.epochs}: must be null for a physics problem; give recipe.steps=…")

    def prepare(self, dataset: Dataset, model: Model, data_dir: str, cache_dir: str) -> str:
        from experiments.families.physics.problems.build import build_problem

        problem = build_problem(dataset)
        count = len(problem.reference(cache_dir))
        return f"{dataset.name}: reference solution at {count} points, fingerprint {problem.fingerprint}"

    def warm(self, config: Config) -> None:
        import experiments.families.physics.task  # noqa: F401

    def example(self, folder: Path) -> list[str]:
        network = ["model=pinn", "model.width=8", "model.depth=2"]
        recipe = ["recipe.points=16", "recipe.lbfgs_points=null", "recipe.lbfgs_steps=0"]
        return ["dataset=poisson", *network, *recipe]

    def pictures(self, config: Config, state: Mapping[str, Any], out: Path) -> list[Path]:
        from experiments.families.physics.pictures import draw_solution

        return draw_solution(config, state, out)

    def recipe_words(self, recipe: Recipe) -> dict[str, str]:
        assert isinstance(recipe, schema.PhysicsRecipe)
        words = {"steps": f"{recipe.steps} steps", "points": f"{recipe.points} points"} | common_words(recipe)
        if recipe.lbfgs_steps:
            words["lbfgs_steps"] = f"the last {recipe.lbfgs_steps} steps by L-BFGS"
        return words


FAMILY = Physics()
