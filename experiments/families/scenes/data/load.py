"""Loads the pictures of a configuration with the right reader."""

from __future__ import annotations

from typing import Any

from experiments.families.scenes.data.scene import SceneSource
from experiments.families.scenes.schema import CocoScenes, ComposedScenes, DeepLabModel, MaskRCNNModel, VocScenes


def load_scenes(dataset: Any, model: Any, data_dir: str, every: bool = False) -> SceneSource:
    """The pictures of ``dataset`` with the labels that ``model`` needs. Raises UserError naming what is wrong.

    ``every``: decode every picture as a check.
    """
    if isinstance(dataset, ComposedScenes):
        from experiments.families.scenes.data.composed import ComposedSource

        return ComposedSource(dataset, data_dir)
    if isinstance(dataset, VocScenes):
        from experiments.families.scenes.data.voc import VocSource

        voc = VocSource(dataset, data_dir)
        voc.check_pictures(every)
        return voc
    assert isinstance(dataset, CocoScenes)
    from experiments.families.scenes.data.coco import CocoSource

    coco = CocoSource(dataset, data_dir, isinstance(model, MaskRCNNModel), isinstance(model, DeepLabModel))
    coco.check_pictures(every)
    return coco
