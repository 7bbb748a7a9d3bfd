"""Diffusion models of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.config.schema import Config, Dataset, Model, Recipe
from experiments.errors import UserError
from experiments.families.diffusion import schema
from experiments.families.diffusion.metrics import METRICS
from experiments.families.family import Family, batch_words
from experiments.families.folder import check_folder
from experiments.families.images.schema import ImageDataset, settled

if TYPE_CHECKING:
    import torch

    from experiments.families.task import Task
    from experiments.processes import Processes


class Diffusion(Family):
    kind = "diffusion"
    datasets: ClassVar = {
        **dict.fromkeys(("digits", "mnist", "cifar", "image_folder"), ImageDataset),
        "celeba": schema.CelebA,
    }
    models: ClassVar = {"unet2d": schema.UNet}
    recipe = schema.DiffusionRecipe
    metrics = METRICS
    held_out: ClassVar = {"test_loss": "holdout_loss"}
    loss_unit = "mean squared error of the noise"

    def build_task(self, config: Config, device: torch.device, processes: Processes) -> Task[Any]:
        from experiments.families.diffusion.data.load import load_pictures
        from experiments.families.diffusion.task import DiffusionTask

        return DiffusionTask(
            config, load_pictures(config.dataset, config.data_dir, config.cache_dir), device, processes
        )

    def settle_dataset(self, dataset: Dataset) -> Dataset:
        if isinstance(dataset, ImageDataset):
            return settled(dataset)
        assert isinstance(dataset, schema.CelebA)
        check_folder(dataset.folder)
        return dataset

    def check(self, dataset: Dataset, model: Model, recipe: Recipe) -> None:
        assert isinstance(model, schema.UNet)
        assert isinstance(recipe, schema.DiffusionRecipe)
        if recipe.dtype != "float32":
            raise UserError(f"recipe.dtype={recipe.dtype}: must be float32 for diffusion")
        if recipe.frechet_images and not isinstance(dataset, ImageDataset):
            raise UserError(
                f"recipe.frechet_images={recipe.frechet_images}: must be 0 for dataset={dataset.name}, "
                f"which has no labels to train a classifier on"
            )
        schema.check_levels(model)

    def prepare(self, dataset: Dataset, model: Model, data_dir: str, cache_dir: str) -> str:
        from experiments.families.diffusion.data.load import load_pictures

        data = load_pictures(dataset, data_dir, cache_dir)
        channels, height, width = data.shape
        return (
            f"{dataset.name}: {len(data.train_x)} training and {len(data.test_x)} {data.evaluated} pictures of "
            f"{channels}×{height}×{width}, fingerprint {data.fingerprint()}"
        )

    def warm(self, config: Config) -> None:
        import experiments.families.diffusion.task  # noqa: F401
        from experiments.families.diffusion.data.load import load_pictures
        from experiments.families.diffusion.models.unet import diffusers

        assert diffusers().UNet2DModel
        load_pictures(config.dataset, config.data_dir, config.cache_dir)

    def example(self, folder: Path) -> list[str]:
        from experiments.families.diffusion.example import TINY_UNET

        return TINY_UNET

    def pictures(self, config: Config, state: Mapping[str, Any], out: Path) -> list[Path]:
        from experiments.families.diffusion.pictures import draw_samples

        return draw_samples(config, state, out)

    def recipe_words(self, recipe: Recipe) -> dict[str, str]:
        assert isinstance(recipe, schema.DiffusionRecipe)
        return batch_words(recipe, recipe.batch_size)

    def footnotes(self, results: Sequence[Mapping[str, Any]]) -> list[str]:
        notes = ["The noise and the time steps of the test loss are the same for every run."]
        found = sorted({str(result["frechet"]) for result in results if "frechet" in result})
        return notes + [f"Fréchet distance: {words}; it is not the FID." for words in found]


FAMILY = Diffusion()
