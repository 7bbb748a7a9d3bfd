"""The interface of an image source, in memory or decoded during training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from torch import Tensor


class ImageSource(ABC):
    """Labelled images in batches. (seed, step) determines which images a batch has and how they are augmented."""

    shape: tuple[int, int, int]  # channels, height and width at the network's input
    classes: int
    evaluated: str  # name of the evaluation set: test or holdout
    fingerprint: str
    train_count: int
    steps_per_epoch: int
    top_five: bool = False  # whether top-5 accuracy is measured

    @abstractmethod
    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and sd by channel, in units of [0, 1], for normalisation."""

    @abstractmethod
    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """This process's rows of the batch of ``step``: images [B, C, H, W] and labels int64 [B], on the device.

        Images are uint8, or floating-point if they are normalised already.
        """

    def close(self) -> None:  # noqa: B027 - optional
        """Release what the source holds, such as worker processes."""

    @abstractmethod
    def evaluation(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        """This process's part of the evaluation set: images, labels, and how many of the last rows count.

        Every batch has one shape, so the last one repeats images of the batch before.
        """
