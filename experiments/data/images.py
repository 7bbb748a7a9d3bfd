"""One set of labelled images in memory, whatever it was read from."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from experiments.config.schema import Dataset
from experiments.errors import UserError
from experiments.randomness import generator

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class ImageData:
    """Images uint8 [n, C, H, W], labels int64 [n]; ``evaluated`` names the second set: test or holdout."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: int
    evaluated: str = "test"

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.train_x.shape[1:]
        return channels, height, width

    def statistics(self, normalize: str) -> tuple[Tensor, Tensor]:
        """Mean and sample sd by channel, in units of [0, 1], of the training images or ImageNet's."""
        if normalize == "imagenet" and self.shape[0] == 3:
            return torch.tensor(IMAGENET[0]), torch.tensor(IMAGENET[1])
        values = self.train_x.transpose(0, 1).flatten(1)
        counts = torch.stack([torch.bincount(channel, minlength=256) for channel in values]).double()
        levels = torch.arange(256, dtype=torch.float64) / 255
        mean = (counts * levels).sum(1) / counts.sum(1)
        variance = (counts * (levels - mean[:, None]) ** 2).sum(1) / (counts.sum(1) - 1)
        return mean.float(), variance.sqrt().clamp_min(1e-6).float()

    def fingerprint(self) -> str:
        """sha256 over all pixels and labels: two runs on different data cannot pass for the same."""
        digest = hashlib.sha256()
        for tensor in (self.train_x, self.train_y, self.test_x, self.test_y):
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


def load_images(config: Dataset, data_dir: str, cache_dir: str) -> ImageData:
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
    data = replace(data, train_x=data.train_x[rest], train_y=data.train_y[rest])
    if config.holdout:
        held = order[: config.holdout]
        source = read_source(config.source, config.name, config.folder, config.size, data_dir, cache_dir)
        return replace(data, test_x=source.train_x[held], test_y=source.train_y[held], evaluated="holdout")
    return data


@functools.lru_cache(maxsize=2)
def read_source(
    source: str, name: str, folder: str | None, size: int | None, data_dir: str, cache_dir: str
) -> ImageData:
    """All images of one source; kept for the next run of the process."""
    if source == "digits":
        from experiments.data.digits import read_digits

        return read_digits()
    if source == "mnist":
        from experiments.data.mnist import read_mnist

        return read_mnist(name, Path(data_dir))
    if source == "cifar":
        from experiments.data.cifar import read_cifar

        return read_cifar(name, Path(data_dir))
    from experiments.data.image_folder import read_image_folder

    return read_image_folder(Path(data_dir) / (folder or name), size or 32, Path(cache_dir))
