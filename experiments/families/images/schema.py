"""What can be said of image classification: the data, the networks, the recipe."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from experiments.config.rules import fraction, one_of, optional, positive_int, rule, text, whole
from experiments.config.schema import Dataset, Model, Recipe
from experiments.errors import UserError
from experiments.families.folder import check_folder


@dataclass(kw_only=True)
class ImageDataset(Dataset):
    """Images with labels. ``folder`` lies below ``data_dir``; it is a name, not a machine path."""

    folder: str | None = optional(text())
    size: int | None = optional(positive_int())  # image_folder: side to which images are resized
    train_size: int | None = optional(positive_int())  # use only this many training images (drawn by seed 0)
    holdout: int = whole(0)  # evaluate on this many held-out training images instead of the test set


@dataclass(kw_only=True)
class MLP(Model):
    """Blocks of Linear, LayerNorm, activation (the network of GoLU's MLP study)."""

    blocks: int = positive_int()
    width: int = positive_int()


@dataclass(kw_only=True)
class CNN(Model):
    """Three convolution-BatchNorm-activation layers, then linear."""

    width: int = positive_int()


@dataclass(kw_only=True)
class ResNet(Model):
    """The CIFAR ResNet of He et al. 2015, section 4.2: 6n + 2 layers."""

    depth: int = rule("6n + 2 with n of at least 1: 8, 20, 32, 44, 56, 110 …", lambda d: d >= 8 and d % 6 == 2)
    shortcut: str = one_of("identity_pad", "conv")
    width: int = positive_int(16)


@dataclass(kw_only=True)
class ImageRecipe(Recipe):
    """Image classification: batches of equal size, shuffled anew every epoch."""

    batch_size: int = positive_int()
    label_smoothing: float = fraction(0.0)
    augment: str = one_of("none", "crop", "crop_flip")
    normalize: str = one_of("dataset", "imagenet", default="dataset")
    init_gain: str = one_of("relu", "activation", default="relu")
    eval_every: int | None = optional(positive_int(), 1)


def settled(dataset: ImageDataset) -> ImageDataset:
    """``dataset`` with one spelling of its folder, since it counts in the hash.

    A folder names the data and a part of the run's path, so it lies below data_dir. Raises UserError.
    """
    if dataset.source == "image_folder" and dataset.folder is None:
        raise UserError("dataset.folder: no value given; give dataset.folder=…, a folder of pictures below data_dir")
    check_folder(dataset.folder or dataset.name)
    if dataset.source == "image_folder":
        return dataset
    for key, value, allowed in (("folder", dataset.folder, (None, dataset.name)), ("size", dataset.size, (None,))):
        if value not in allowed:
            raise UserError(f"dataset.{key}={value}: dataset={dataset.name} has its own; image_folder takes one")
    return dataclasses.replace(dataset, folder=dataset.name if dataset.source == "mnist" else None)
