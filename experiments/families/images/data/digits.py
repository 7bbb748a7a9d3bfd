"""scikit-learn's 1,797 handwritten digits of 8×8 pixels. They come with the package; nothing is downloaded."""

from __future__ import annotations

import torch

from experiments.families.images.data.images import ImageData
from experiments.randomness import generator

TEST_SIZE = 360


def read_digits() -> ImageData:
    """1,437 training and 360 test images of shape [1, 8, 8]; grey levels 0…16 scaled to 0…255. A fixed random split."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(digits.images * (255 / 16)).round().to(torch.uint8)[:, None]
    labels = torch.from_numpy(digits.target).long()
    order = torch.randperm(len(labels), generator=generator(0, "digits-split"))
    test, train = order[:TEST_SIZE], order[TEST_SIZE:]
    return ImageData(images[train], labels[train], images[test], labels[test], classes=10)
