"""The confusion matrix of pixels, and the intersection over union computed from it."""

from __future__ import annotations

import torch
from torch import Tensor

from experiments.families.scenes.data.scene import UNLABELLED


def confusion_matrix(true: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """int64 [classes, classes]: number of pixels of class i predicted as class j. Unlabelled pixels do not count."""
    counted = true != UNLABELLED
    pairs = classes * true[counted].long() + predicted[counted].long()
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def mean_iou(confusion: Tensor) -> float:
    """Mean over classes of |true ∩ predicted| / |true ∪ predicted|, in percent.

    A class that occurs neither in truth nor in prediction has no IoU and is left out.
    """
    right = confusion.diagonal().double()
    union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
    there = union > 0
    return 100 * (right[there] / union[there]).mean().item()


def pixel_accuracy(confusion: Tensor) -> float:
    """Share of labelled pixels with the right class, in percent."""
    return 100 * (confusion.diagonal().sum().double() / confusion.sum()).item()
