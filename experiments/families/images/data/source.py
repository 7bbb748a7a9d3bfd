"""What an image task asks of its images, whether they lie in memory or are decoded while it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from torch import Tensor


class ImageSource(ABC):
    """Labelled images in batches. Which images a batch has, and how they are augmented, follows from (seed, step)."""

    shape: tuple[int, int, int]  # channels, height, width of what the network sees
    classes: int
    evaluated: str  # what ``evaluation`` has: test or holdout
    fingerprint: str
    train_count: int
    steps_per_epoch: int
    top_five: bool = False  # whether the five likeliest classes are of interest

    @abstractmethod
    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and sd by channel, in units of [0, 1], for normalisation."""

    @abstractmethod
    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """This process's rows of the batch of ``step``: images [B, C, H, W] and labels int64 [B], on the device.

        Images are uint8, or floating point where they are normalised already.
        """

    def close(self) -> None:  # noqa: B027 - need not be given
        """Let go of what the source holds, such as worker processes."""

    @abstractmethod
    def evaluation(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        """This process's part of the evaluation set: images, labels, and how many of the last rows are to be counted.

        Every batch has one shape, so the last one reaches back over images that were there before.
        """
