"""The smallest real runs: scenes of scikit-learn's digits, which need no data on disk."""

from __future__ import annotations

from typing import Any

import torch

from experiments.config.compose import compose_run
from experiments.families.build import build_task
from experiments.families.scenes.task import SceneTask

TINY = (
    "dataset=scenes",
    "dataset.sprites=[digits]",
    "dataset.train_size=24",
    "dataset.test_size=6",
    "recipe.steps=6",
    "recipe.batch_size=4",
    "recipe.warmup_steps=2",
    "recipe.eval_every_steps=3",
    "recipe.log_every=2",
)
MODELS = ("retinanet", "faster_rcnn", "mask_rcnn", "deeplab")
CPU = torch.device("cpu")


def tiny_task(model: str, *overrides: str) -> SceneTask:
    task: Any = build_task(compose_run([*TINY, f"model={model}", *overrides]), CPU)
    assert isinstance(task, SceneTask)
    return task
