"""Image classification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.config.schema import Config, Dataset, Model, Recipe
from experiments.families.family import Family, batch_words
from experiments.families.images import schema
from experiments.families.images.metrics import METRICS

if TYPE_CHECKING:
    import torch

    from experiments.families.task import Task
    from experiments.processes import Processes

SHARED_SOURCES = ("digits", "mnist", "cifar")  # read once, before the runs of a sweep fork


class Images(Family):
    kind = "images"
    datasets: ClassVar = {
        **dict.fromkeys(("digits", "mnist", "cifar", "image_folder"), schema.ImageDataset),
        "imagenet": schema.PictureFolder,
    }
    models: ClassVar = {
        "mlp": schema.MLP,
        "cnn": schema.CNN,
        "resnet": schema.ResNet,
        "wide_resnet": schema.WideResNet,
        "densenet": schema.DenseNet,
        "timm": schema.LibraryModel,
        "torchvision": schema.LibraryModel,
    }
    recipe = schema.ImageRecipe
    metrics = METRICS
    held_out: ClassVar = {
        "test_accuracy": "holdout_accuracy",
        "test_top5_accuracy": "holdout_top5_accuracy",
        "test_loss": "holdout_loss",
    }

    def build_task(self, config: Config, device: torch.device, processes: Processes) -> Task[Any]:
        from experiments.families.images.data.load import open_images
        from experiments.families.images.task import ImageTask

        return ImageTask(config, open_images(config, device, processes), device, processes)

    def settle_dataset(self, dataset: Dataset) -> Dataset:
        return schema.settled(dataset)

    def check(self, dataset: Dataset, model: Model, recipe: Recipe) -> None:
        schema.check_images(dataset, model, recipe)
        if isinstance(model, schema.LibraryModel):
            from experiments.families.images.models.library import check_library_model

            check_library_model(model)

    def prepare(self, dataset: Dataset, model: Model, data_dir: str, cache_dir: str) -> str:
        if isinstance(dataset, schema.PictureFolder):
            from experiments.families.images.data.prepare import prepare_pictures

            return prepare_pictures(dataset, data_dir, cache_dir)
        from experiments.families.images.data.load import load_images

        assert isinstance(dataset, schema.ImageDataset)
        data = load_images(dataset, data_dir, cache_dir)
        channels, height, width = data.shape
        return (
            f"{dataset.name}: {len(data.train_y)} training and {len(data.test_y)} {data.evaluated} images of "
            f"{channels}×{height}×{width}, {data.classes} classes, fingerprint {data.fingerprint()}"
        )

    def data_folder(self, dataset: Dataset, data_dir: str) -> Path | None:
        if not isinstance(dataset, schema.ImageDataset) or dataset.source != "image_folder":
            return None  # a run checks only the list of a million picture files
        return Path(data_dir) / (dataset.folder or dataset.name)

    def warm(self, config: Config) -> None:
        import experiments.families.images.task  # noqa: F401
        from experiments.families.images.data.load import load_images

        if isinstance(config.dataset, schema.ImageDataset) and config.dataset.source in SHARED_SOURCES:
            load_images(config.dataset, config.data_dir, config.cache_dir)

    def example(self, folder: Path) -> list[str]:
        return ["dataset=digits", "model=cnn", "recipe=digits"]

    def export(self, config: Config, state: Mapping[str, Any], out: Path) -> list[str]:
        from experiments.families.images.export import export_classifier

        return export_classifier(config, state, out)

    def recipe_words(self, recipe: Recipe) -> dict[str, str]:
        assert isinstance(recipe, schema.ImageRecipe)
        return batch_words(recipe, recipe.batch_size)


FAMILY = Images()
