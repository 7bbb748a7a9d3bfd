"""Pictures of several sizes as one tensor, padded on the right and at the bottom to the largest of all processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from experiments.families.scenes.data.scene import UNLABELLED


def size_of_largest(images: Sequence[Tensor]) -> tuple[int, int]:
    """Height and width into which all of ``images`` fit."""
    height, width = (max(image.shape[axis] for image in images) for axis in (-2, -1))
    return height, width


def padded(
    images: Sequence[Tensor], classes: Sequence[Tensor], least: tuple[int, int] = (0, 0)
) -> tuple[Tensor, Tensor]:
    """Images and classes as one tensor each, as large as the largest and as ``least``. Padding is black, unlabelled."""
    height, width = map(max, size_of_largest(images), least)

    def fill(values: Tensor, value: int) -> Tensor:
        margins = [0, width - values.shape[-1], 0, height - values.shape[-2]]
        return F.pad(values, margins, value=value) if any(margins) else values

    return (
        torch.stack([fill(image, 0) for image in images]),
        torch.stack([fill(each, UNLABELLED) for each in classes]),
    )


class PaddedTransform(GeneralizedRCNNTransform):  # type: ignore[misc]
    """torchvision's preparation of pictures, with batches at least as large as ``least``."""

    def __init__(self, other: GeneralizedRCNNTransform) -> None:
        super().__init__(
            other.min_size,
            other.max_size,
            other.image_mean,
            other.image_std,
            other.size_divisible,
            other.fixed_size,
            _skip_resize=other._skip_resize,
        )
        self.least = (0, 0)

    def max_by_axis(self, the_list: list[list[int]]) -> list[int]:
        found: list[int] = super().max_by_axis([*the_list, [0, *self.least]])
        return found


@contextmanager
def padded_to(detector: nn.Module, least: tuple[int, int]) -> Iterator[None]:
    """Pad the batches of ``detector`` to at least ``least`` within the block, if the detector supports it.

    The anchors of a picture, and the values at its borders, depend on the size of the batch.
    """
    transform = detector.transform
    if not isinstance(transform, PaddedTransform):
        yield
        return
    transform.least = least
    try:
        yield
    finally:
        transform.least = (0, 0)
