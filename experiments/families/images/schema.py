"""The configuration of image classification: data, networks and recipe."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

from experiments.config.rules import fraction, non_negative, one_of, optional, positive_int, rule, text, whole
from experiments.config.schema import Dataset, Model, Recipe
from experiments.errors import UserError
from experiments.families.folder import check_folder


@dataclass(kw_only=True)
class ImageDataset(Dataset):
    """Images with labels. ``folder`` lies below ``data_dir``: it is a name, not a machine path."""

    folder: str | None = optional(text())
    size: int | None = optional(positive_int())  # image_folder: side to which images are resized
    train_size: int | None = optional(positive_int())  # use only this many training images (drawn by seed 0)
    holdout: int = whole(0)  # evaluate on this many held-out training images instead of the test set


@dataclass(kw_only=True)
class PictureFolder(Dataset):
    """Picture files that worker processes decode during training, in the layout of torchvision's ImageNet.

    ``<data_dir>/<folder>/train/<class>/*`` and ``val/<class>/*``; ``test`` is accepted instead of ``val``.
    """

    folder: str | None = optional(text())
    size: int = positive_int(224)  # side of the network's input
    resize: int = positive_int(256)  # shorter side before the central crop at evaluation
    train_size: int | None = optional(positive_int())
    holdout: int = whole(0)


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
class WideResNet(Model):
    """The wide ResNet of Zagoruyko and Komodakis 2016: 6n + 4 layers, ``widen`` times as wide."""

    depth: int = rule("6n + 4 with n of at least 1: 10, 16, 22, 28, 40 …", lambda d: d >= 10 and d % 6 == 4)
    widen: int = positive_int()


@dataclass(kw_only=True)
class DenseNet(Model):
    """The DenseNet-BC of Huang et al. 2017, section 3: 6n + 4 layers, half the channels kept at each transition."""

    depth: int = rule("6n + 4 with n of at least 1: 10, 16, 22, 28, 40 …", lambda d: d >= 10 and d % 6 == 4)
    growth: int = positive_int()


@dataclass(kw_only=True)
class LibraryModel(Model):
    """A classifier of torchvision or timm by its name there. ``options`` go to its constructor.

    ``swap=complete`` puts the activation in every place. ``swap=modules`` replaces only modules: functions that the
    network calls stay as they were, as in GoLU's repository.
    """

    architecture: str = text()
    options: dict[str, Any] = rule("a mapping of options, such as {drop_path_rate: 0.1}", lambda _: True, {})
    swap: str = one_of("complete", "modules", default="complete")


POLICY = re.compile("none|imagenet|randaugment|trivialaugment|rand-[a-z0-9.-]+")


@dataclass(kw_only=True)
class ImageRecipe(Recipe):
    """Image classification: batches of equal size, shuffled anew every epoch."""

    batch_size: int = positive_int()
    label_smoothing: float = fraction(0.0)
    augment: str = one_of("none", "crop", "crop_flip", "resized_crop_flip")
    normalize: str = one_of("dataset", "imagenet", default="dataset")
    init_gain: str = one_of("relu", "activation", default="relu")
    eval_every: int | None = optional(positive_int(), 1)
    # Pairs of images are mixed. With both, each of the ``accumulate`` parts of a batch draws one of the two ways.
    mixup: float = non_negative(0.0)  # α of the Beta distribution of the weights (arXiv 1710.09412); 0: none
    cutmix: float = non_negative(0.0)  # likewise, for a box of the other image (arXiv 1905.04899)
    # How worker processes augment picture files (source: imagenet).
    interpolation: str = one_of("bilinear", "bicubic", "random", default="bilinear")
    auto_augment: str = rule(
        "none, imagenet (AutoAugment), randaugment, trivialaugment, or a policy of timm's such as rand-m9-mstd0.5",
        lambda value: POLICY.fullmatch(value) is not None,
        "none",
    )
    random_erase: float = fraction(0.0)  # share of images in which a box becomes noise (arXiv 1708.04896)
    repeats: int = positive_int(1)  # occurrences of an image in a batch, each augmented anew (arXiv 1901.09335)


IN_WORKERS = {"interpolation": "bilinear", "auto_augment": "none", "random_erase": 0.0, "repeats": 1}


def settled(dataset: Dataset) -> Dataset:
    """``dataset`` with a canonical spelling of its folder, because the folder is part of the hash.

    The folder names the data and part of the run's path, so it must lie below data_dir. Raises UserError.
    """
    if isinstance(dataset, PictureFolder):
        return settled_pictures(dataset)
    assert isinstance(dataset, ImageDataset)
    if dataset.source == "image_folder" and dataset.folder is None:
        raise UserError("dataset.folder: no value given; give dataset.folder=…, a folder of pictures below data_dir")
    check_folder(dataset.folder or dataset.name)
    if dataset.source == "image_folder":
        return dataset
    for key, value, allowed in (("folder", dataset.folder, (None, dataset.name)), ("size", dataset.size, (None,))):
        if value not in allowed:
            raise UserError(f"dataset.{key}={value}: dataset={dataset.name} has its own; image_folder takes one")
    return dataclasses.replace(dataset, folder=dataset.name if dataset.source == "mnist" else None)


def settled_pictures(dataset: PictureFolder) -> PictureFolder:
    check_folder(dataset.folder or dataset.name)
    if dataset.resize < dataset.size:
        raise UserError(f"dataset.resize={dataset.resize}: must be at least dataset.size={dataset.size}")
    return dataclasses.replace(dataset, folder=dataset.folder or dataset.name)


def check_images(dataset: Dataset, model: Model, recipe: Recipe) -> None:
    """Raise UserError if data, network and recipe do not fit together."""
    assert isinstance(recipe, ImageRecipe)
    files = isinstance(dataset, PictureFolder)
    if files and recipe.augment.startswith("crop"):
        raise UserError(f"recipe.augment={recipe.augment}: must be none or resized_crop_flip for picture files")
    if files and recipe.normalize == "dataset":
        raise UserError("recipe.normalize=dataset: must be imagenet for picture files, which are not read beforehand")
    if not files and recipe.augment == "resized_crop_flip":
        raise UserError(f"recipe.augment={recipe.augment}: must be none, crop or crop_flip for images in memory")
    for key, without in IN_WORKERS.items():
        if not files and getattr(recipe, key) != without:
            raise UserError(
                f"recipe.{key}={getattr(recipe, key)}: must be {without} for images in memory; dataset=imagenet reads "
                f"any folder of pictures with train/<class>/* and val/<class>/*"
            )
    if recipe.batch_size % recipe.accumulate:
        raise UserError(
            f"recipe.batch_size={recipe.batch_size}: must be a multiple of recipe.accumulate={recipe.accumulate}"
        )
    if (recipe.mixup or recipe.cutmix) and recipe.batch_size // recipe.accumulate % 2:
        raise UserError(f"recipe.batch_size={recipe.batch_size}: must be even in each part, as pairs are mixed")
    if isinstance(model, LibraryModel) and recipe.init_gain != "relu":
        raise UserError(
            f"recipe.init_gain={recipe.init_gain}: must be relu for model={model.name}, which its library initialises"
        )
