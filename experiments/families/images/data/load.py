"""Loads the images of a configuration: chooses the reader, then the training subset and the held-out part."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch

from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.images.data.images import ImageData
from experiments.families.images.data.resident import ResidentImages
from experiments.families.images.data.source import ImageSource
from experiments.families.images.schema import ImageDataset, ImageRecipe, PictureFolder
from experiments.families.share import Share
from experiments.processes import Processes
from experiments.randomness import generator


def open_images(config: Config, device: torch.device, processes: Processes) -> ImageSource:
    """The images of ``config`` in batches: kept in memory, or decoded during training. Raises UserError."""
    recipe, dataset = config.recipe, config.dataset
    assert isinstance(recipe, ImageRecipe)
    share = Share.of(processes, recipe.batch_size, recipe.accumulate)
    if isinstance(dataset, PictureFolder):
        from experiments.families.images.data.picture_list import list_pictures
        from experiments.families.images.data.stream import StreamedImages

        sets = list_pictures(Path(config.data_dir) / str(dataset.folder), Path(config.cache_dir))
        return StreamedImages(sets, dataset, recipe, config.seed, device, share, config.impl.workers)
    assert isinstance(dataset, ImageDataset)
    return ResidentImages(load_images(dataset, config.data_dir, config.cache_dir), recipe, config.seed, device, share)


def load_images(config: ImageDataset, data_dir: str, cache_dir: str) -> ImageData:
    """The images of ``config``, with ``train_size`` and ``holdout`` applied.

    Raises UserError naming the missing or wrong file and the remedies.
    """
    return chosen_images(
        read_source(config.source, config.name, config.folder, config.size, data_dir, cache_dir), config
    )


class Choice(Protocol):
    """The configuration keys that select images."""

    name: str
    train_size: int | None
    holdout: int


def chosen_images(data: ImageData, config: Choice) -> ImageData:
    """``data`` with ``train_size`` and ``holdout`` applied. Raises UserError if there are too few images."""
    if config.holdout + (config.train_size or 1) > len(data.train_y):
        raise UserError(
            f"dataset.holdout={config.holdout} dataset.train_size={config.train_size}: must together be at most "
            f"{len(data.train_y)}, the number of training images of {config.name}"
        )
    if not config.holdout and not config.train_size:
        return data
    order = torch.randperm(len(data.train_y), generator=generator(0, "split"))
    rest = order[config.holdout :][: config.train_size]
    subset = replace(data, train_x=data.train_x[rest], train_y=data.train_y[rest])
    if config.holdout:
        held = order[: config.holdout]
        return replace(subset, test_x=data.train_x[held], test_y=data.train_y[held], evaluated="holdout")
    return subset


@functools.lru_cache(maxsize=2)
def read_source(
    source: str, name: str, folder: str | None, size: int | None, data_dir: str, cache_dir: str
) -> ImageData:
    """All images of one source, cached for the next run of the process."""
    if source == "digits":
        from experiments.families.images.data.digits import read_digits

        return read_digits()
    if source == "mnist":
        from experiments.families.images.data.mnist import read_mnist

        return read_mnist(name, Path(data_dir))
    if source == "cifar":
        from experiments.families.images.data.cifar import read_cifar

        return read_cifar(name, Path(data_dir))
    from experiments.families.images.data.image_folder import read_image_folder

    return read_image_folder(Path(data_dir) / (folder or name), size or 32, Path(cache_dir))
