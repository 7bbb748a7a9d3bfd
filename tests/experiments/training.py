"""Trainers of small runs, without directories."""

from __future__ import annotations

from typing import Any

import torch

from experiments.config.compose import compose_run
from experiments.families.build import build_task
from experiments.runs.loop import Trainer


def make_trainer(*words: str) -> Trainer:
    config, device = compose_run(list(words)), torch.device("cpu")
    return Trainer(build_task(config, device), config.recipe, config.impl, device)


def finish(subject: Trainer) -> list[dict[str, Any]]:
    """Train to the end; the lines that are due, without their times."""
    lines = [subject.advance() for _ in range(subject.total_steps - subject.step) if not subject.done]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines if line is not None]
