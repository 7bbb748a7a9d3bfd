"""Makes the task of a configuration, through the family of its network."""

from __future__ import annotations

from typing import Any

import torch

from experiments.config.schema import Config
from experiments.families.registry import family_of_model
from experiments.families.task import Task
from experiments.processes import Processes


def build_task(config: Config, device: torch.device, processes: Processes | None = None) -> Task[Any]:
    """The task of ``config``. Raises UserError if its data is missing or wrong."""
    return family_of_model(config.model.kind).build_task(config, device, processes or Processes())
