"""Loads the pictures of a configuration."""

from __future__ import annotations

import functools
from pathlib import Path

from experiments.config.schema import Dataset
from experiments.families.diffusion.data.celeba import read_celeba
from experiments.families.diffusion.schema import CelebA
from experiments.families.images.data.images import ImageData
from experiments.families.images.data.load import chosen_images, load_images
from experiments.families.images.schema import ImageDataset


def load_pictures(config: Dataset, data_dir: str, cache_dir: str) -> ImageData:
    """The pictures of ``config``, with ``train_size`` and ``holdout`` applied. Raises UserError."""
    if isinstance(config, ImageDataset):
        return load_images(config, data_dir, cache_dir)
    assert isinstance(config, CelebA)
    return chosen_images(read_once(config.folder, config.size, data_dir, cache_dir), config)


@functools.lru_cache(maxsize=1)
def read_once(folder: str, size: int, data_dir: str, cache_dir: str) -> ImageData:
    return read_celeba(Path(data_dir) / folder, size, Path(cache_dir))
