"""The images a configuration asks for: the right reader, then the training subset and the held-out part."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import torch

from experiments.errors import UserError
from experiments.families.images.data.images import ImageData
from experiments.families.images.schema import ImageDataset
from experiments.randomness import generator


def load_images(config: ImageDataset, data_dir: str, cache_dir: str) -> ImageData:
    """The images of ``config``, with ``train_size`` and ``holdout`` applied.

    Raises UserError naming the file that is missing or wrong and the ways out.
    """
    data = read_source(config.source, config.name, config.folder, config.size, data_dir, cache_dir)
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
    """All images of one source; kept for the next run of the process."""
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
