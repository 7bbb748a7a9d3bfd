"""One set of labelled images in memory, independent of its file format."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images uint8 [n, C, H, W], labels int64 [n]; ``evaluated`` names the second set: test or holdout.

    Derived values are computed once and kept for the next run of the process.
    """

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

    @functools.lru_cache(maxsize=4)  # noqa: B019 - few sets per process, and they stay
    def statistics(self, normalize: str) -> tuple[Tensor, Tensor]:
        """Mean and sample sd by channel, in units of [0, 1], of the training images or of ImageNet."""
        if normalize == "imagenet" and self.shape[0] == 3:
            return torch.tensor(IMAGENET[0]), torch.tensor(IMAGENET[1])
        values = self.train_x.transpose(0, 1).flatten(1)
        counts = torch.stack([torch.bincount(channel, minlength=256) for channel in values]).double()
        levels = torch.arange(256, dtype=torch.float64) / 255
        mean = (counts * levels).sum(1) / counts.sum(1)
        variance = (counts * (levels - mean[:, None]) ** 2).sum(1) / (counts.sum(1) - 1)
        return mean.float(), variance.sqrt().clamp_min(1e-6).float()

    @functools.lru_cache(maxsize=4)  # noqa: B019
    def fingerprint(self) -> str:
        """sha256 over all pixels and labels. Different data give different fingerprints."""
        digest = hashlib.sha256()
        for tensor in (self.train_x, self.train_y, self.test_x, self.test_y):
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]
