"""The configuration of physics problems: problem, network and recipe."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.config.rules import one_of, optional, positive, positive_int, whole
from experiments.config.schema import Dataset, Model, Recipe


@dataclass(kw_only=True)
class ProblemDataset(Dataset):
    """A boundary or initial value problem; ``source`` selects it."""

    holdout: int = whole(0)  # evaluate the loss at this many held-out points instead of the error, for tuning
    # One random point in each of `holdout` cells, or Gauss–Legendre points there with their weights
    holdout_points: str = one_of("random", "gauss", default="random")

    @property
    def order(self) -> int:
        """The highest derivative in the loss."""
        return {"deep_ritz": 1, "beam": 4}.get(self.source, 2)


@dataclass(kw_only=True)
class BurgersDataset(ProblemDataset):
    """u_t + u·u_x = viscosity·u_xx."""

    viscosity: float = positive()


@dataclass(kw_only=True)
class AllenCahnDataset(ProblemDataset):
    """u_t = diffusion·u_xx + reaction·(u - u³)."""

    diffusion: float = positive()
    reaction: float = positive()


@dataclass(kw_only=True)
class PINN(Model):
    """A multilayer perceptron of ``depth`` hidden layers of ``width`` units."""

    width: int = positive_int()
    depth: int = positive_int()


@dataclass(kw_only=True)
class PhysicsRecipe(Recipe):
    """Each step draws one collocation point in each of ``points`` equal cells of the domain.

    L-BFGS trains on the centres of ``lbfgs_points`` cells, or of ``points``. It overfits if the fixed points are few.
    """

    points: int = positive_int()
    lbfgs_points: int | None = optional(positive_int())
    sampling: str = one_of("random", "grid", default="random")  # anywhere in its cell, anew every step; or its centre
    dtype: str = one_of("float32", "float64", default="float64")
    eval_every_steps: int | None = optional(positive_int(), 100)
