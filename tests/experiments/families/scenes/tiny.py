"""Tasks of the smallest scenes."""

from __future__ import annotations

from typing import Any

import torch

from experiments.config.compose import compose_run
from experiments.families.build import build_task
from experiments.families.scenes.example import TINY
from experiments.families.scenes.task import SceneTask

MODELS = ("retinanet", "faster_rcnn", "mask_rcnn", "deeplab")
CPU = torch.device("cpu")


def tiny_task(model: str, *overrides: str) -> SceneTask:
    task: Any = build_task(compose_run([*TINY, f"model={model}", *overrides]), CPU)
    assert isinstance(task, SceneTask)
    return task
