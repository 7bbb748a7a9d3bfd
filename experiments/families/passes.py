"""Dropout and the parts of a batch. Each part draws its own masks, so a run must always cut batches the same way."""

from __future__ import annotations

import torch

from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.processes import Processes
from experiments.randomness import address


def check_parts(config: Config, processes: Processes) -> None:
    """Raise UserError if a network with dropout would not train in the ``recipe.accumulate`` parts of a batch.

    With these parts, neither the number of processes nor ``impl`` changes a mask.
    """
    if config.impl.micro_batch is not None:
        raise UserError(
            f"impl.micro_batch={config.impl.micro_batch}: must be null for model={config.model.name}, whose dropout "
            f"draws anew in each pass; recipe.accumulate=… trains in parts, which is another run"
        )
    if config.recipe.accumulate % processes.count:
        raise UserError(
            f"recipe.accumulate={config.recipe.accumulate}: must be a multiple of {processes.count}, the number of "
            f"processes, for model={config.model.name}, whose dropout draws anew in each part of a batch"
        )


def set_dropout(seed: int, step: int, row: int) -> None:
    """Set torch's global streams, from which dropout draws, for the part of a step that begins at ``row``."""
    torch.manual_seed(address(seed, "dropout", step, row))
