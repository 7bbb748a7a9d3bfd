"""Detection, instance segmentation and semantic segmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.config.schema import Config, Dataset, Model, Recipe
from experiments.errors import UserError, must_be
from experiments.families.family import Family, batch_words
from experiments.families.folder import check_folder
from experiments.families.scenes import schema
from experiments.families.scenes.metrics import HELD_OUT, METRICS

if TYPE_CHECKING:
    import torch

    from experiments.families.task import Task
    from experiments.processes import Processes

COMPOSED = (
    "The scenes are composed of sprites: a miniature that shows whether networks of this kind train, and no evidence "
    "about COCO or other photographs."
)


class Scenes(Family):
    kind = "scenes"
    datasets: ClassVar = {"scenes": schema.ComposedScenes, "coco": schema.CocoScenes, "voc": schema.VocScenes}
    models: ClassVar = {
        "faster_rcnn": schema.FasterRCNNModel,
        "retinanet": schema.RetinaNetModel,
        "mask_rcnn": schema.MaskRCNNModel,
        "deeplab": schema.DeepLabModel,
    }
    recipe = schema.SceneRecipe
    metrics = METRICS
    held_out: ClassVar = HELD_OUT
    counts = ("composed_scenes",)
    loss_unit = "nats, or a sum of a detector's losses"

    def build_task(self, config: Config, device: torch.device, processes: Processes) -> Task[Any]:
        from experiments.families.scenes.data.load import load_scenes
        from experiments.families.scenes.detection import DetectionTask
        from experiments.families.scenes.segmentation import SegmentationTask

        source = load_scenes(config.dataset, config.model, config.data_dir)
        kind = SegmentationTask if isinstance(config.model, schema.DeepLabModel) else DetectionTask
        return kind(config, source, device, processes)

    def settle_dataset(self, dataset: Dataset) -> Dataset:
        if isinstance(dataset, schema.ComposedScenes):
            if dataset.sides[1] > dataset.canvas:
                raise UserError(must_be("dataset.sides", dataset.sides, f"at most dataset.canvas={dataset.canvas}"))
            return dataset
        assert isinstance(dataset, schema.CocoScenes | schema.VocScenes)
        check_folder(dataset.folder)
        return dataset

    def check(self, dataset: Dataset, model: Model, recipe: Recipe) -> None:
        assert isinstance(model, schema.SceneModel)
        assert isinstance(recipe, schema.SceneRecipe)
        schema.check_scenes(dataset, model, recipe)

    def prepare(self, dataset: Dataset, model: Model, data_dir: str, cache_dir: str) -> str:
        from experiments.families.scenes.data.load import load_scenes

        source = load_scenes(dataset, model, data_dir, every=True)
        return (
            f"{dataset.name}: {source.count('train')} training and {source.count('evaluation')} {source.evaluated} "
            f"pictures, {len(source.class_names) - 1} classes, fingerprint {source.fingerprint}"
        )

    def warm(self, config: Config) -> None:
        import experiments.families.scenes.detection
        import experiments.families.scenes.segmentation  # noqa: F401
        from experiments.families.scenes.data.load import load_scenes

        if isinstance(config.dataset, schema.ComposedScenes):
            load_scenes(config.dataset, config.model, config.data_dir)

    def example(self, folder: Path) -> list[str]:
        from experiments.families.scenes.example import TINY

        return [*TINY, "model=deeplab"]

    def export(self, config: Config, state: Mapping[str, Any], out: Path) -> list[str]:
        from experiments.families.scenes.export import export_run

        return export_run(config, state, out)

    def pictures(self, config: Config, state: Mapping[str, Any], out: Path) -> list[Path]:
        from experiments.families.scenes.pictures import draw_pictures

        return draw_pictures(config, state, out)

    def recipe_words(self, recipe: Recipe) -> dict[str, str]:
        assert isinstance(recipe, schema.SceneRecipe)
        return batch_words(recipe, recipe.batch_size)

    def footnotes(self, results: Sequence[Mapping[str, Any]]) -> list[str]:
        return [COMPOSED] if any("composed_scenes" in result for result in results) else []


FAMILY = Scenes()
