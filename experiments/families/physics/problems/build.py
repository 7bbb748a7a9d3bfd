"""Makes the problem of a data set."""

from __future__ import annotations

from experiments.config.schema import Dataset
from experiments.families.physics import schema
from experiments.families.physics.problems.allen_cahn import AllenCahn
from experiments.families.physics.problems.bump import Beam, DeepRitz, Poisson
from experiments.families.physics.problems.burgers import Burgers
from experiments.families.physics.problems.problem import Problem

PLAIN: dict[str, type[Problem]] = {"deep_ritz": DeepRitz, "poisson": Poisson, "beam": Beam}


def build_problem(dataset: Dataset) -> Problem:
    """The problem that ``dataset.source`` names, with its constants."""
    if isinstance(dataset, schema.BurgersDataset):
        return Burgers(dataset.viscosity)
    if isinstance(dataset, schema.AllenCahnDataset):
        return AllenCahn(dataset.diffusion, dataset.reaction)
    return PLAIN[dataset.source]()
