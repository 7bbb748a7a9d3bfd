"""Masks of annotations: polygons and run-length codes as pixels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from experiments.errors import UserError
from experiments.families.scenes.data.scene import UNLABELLED


def decode_mask(segmentation: Any, size: tuple[int, int], where: str) -> Tensor:
    """uint8 [H, W] of zeros and ones for a picture of ``size``. Raises UserError if the code is damaged."""
    from faster_coco_eval.core import mask as codes

    try:
        found = codes.frPyObjects(segmentation, *size) if not is_packed(segmentation) else segmentation
        decoded = codes.decode(codes.merge(found) if isinstance(found, list) else found)
    except (RuntimeError, ValueError, TypeError) as error:
        raise UserError(f"{where}: a mask cannot be decoded ({error})") from error
    return torch.from_numpy(decoded)


def is_packed(segmentation: Any) -> bool:
    """Whether it is a run-length code packed into a string, as ``encode`` makes it."""
    return isinstance(segmentation, dict) and not isinstance(segmentation["counts"], list)


def paint_classes(masks: list[Tensor], labels: list[int], size: tuple[int, int]) -> Tensor:
    """The class of every pixel, uint8 [H, W]: that of the one mask over it, or background without a mask.

    Several masks over a pixel give ``UNLABELLED`` (torchvision, references/segmentation).
    """
    classes = torch.zeros(size, dtype=torch.uint8)
    covered = torch.zeros(size, dtype=torch.uint8)
    for mask, label in zip(masks, labels, strict=True):
        classes[mask > 0] = label
        covered += mask
    classes[covered > 1] = UNLABELLED
    return classes
