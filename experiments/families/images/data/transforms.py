"""From a picture file to the network's input: decoding by Pillow, augmentation by torchvision v2 and timm.

The transforms draw from the global streams of torch, Python and NumPy. ``addressed`` sets all three to one address. So
the augmentation of an image depends on its place in the epoch, and not on the process that makes it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from experiments.errors import UserError
from experiments.families.images.data.images import IMAGENET
from experiments.families.images.schema import ImageRecipe, PictureFolder
from experiments.randomness import address, global_stream

Transform = Callable[[Any], Tensor]
POLICIES = {
    "imagenet": v2.AutoAugment,  # its default policy is the one found on ImageNet
    "randaugment": v2.RandAugment,
    "trivialaugment": v2.TrivialAugmentWide,
}


def decode_picture(path: Path) -> Any:
    """The picture as Pillow decodes it, in RGB. Raises UserError naming the file if it cannot be read."""
    try:
        with Image.open(path) as opened:
            return opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # SyntaxError from damaged PNG files
        raise UserError(f"{path}: not a readable picture ({error})") from error


def training_transform(recipe: ImageRecipe, dataset: PictureFolder) -> Transform:
    """Augmentation of the recipe: uint8 [3, size, size], or normalised floats if boxes become noise.

    With ``augment=none`` it equals that of evaluation. Raises UserError for a policy that timm does not know.
    """
    if recipe.augment == "none":
        steps = central_crop(recipe, dataset)
    else:
        steps = [resized_crop(recipe, dataset.size), v2.RandomHorizontalFlip()]
    if recipe.auto_augment != "none":
        steps.append(policy(recipe, dataset.size))
    steps.append(v2.PILToTensor())
    if recipe.random_erase:
        from timm.data.random_erasing import RandomErasing

        steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(*IMAGENET)]
        steps.append(RandomErasing(recipe.random_erase, mode="pixel", device="cpu"))
    composed: Transform = v2.Compose(steps)
    return composed


def evaluation_transform(recipe: ImageRecipe, dataset: PictureFolder) -> Transform:
    """Resize the shorter side to ``resize``, then cut the central square of ``size``: uint8 [3, size, size]."""
    composed: Transform = v2.Compose([*central_crop(recipe, dataset), v2.PILToTensor()])
    return composed


def central_crop(recipe: ImageRecipe, dataset: PictureFolder) -> list[Any]:
    return [v2.Resize(dataset.resize, interpolation(recipe), antialias=True), v2.CenterCrop(dataset.size)]


def resized_crop(recipe: ImageRecipe, size: int) -> Any:
    """8 to 100 % of the area at an aspect of 3/4 to 4/3 (Szegedy et al. 2015, arXiv 1409.4842, section 6)."""
    if recipe.interpolation == "random":  # bilinear or bicubic, image by image
        from timm.data.transforms import RandomResizedCropAndInterpolation

        return RandomResizedCropAndInterpolation(size, interpolation="random")
    return v2.RandomResizedCrop(size, interpolation=interpolation(recipe), antialias=True)


def interpolation(recipe: ImageRecipe) -> v2.InterpolationMode:
    """The interpolation of evaluation: bicubic if training chooses one of two at random, as in timm."""
    bilinear = recipe.interpolation == "bilinear"
    return v2.InterpolationMode.BILINEAR if bilinear else v2.InterpolationMode.BICUBIC


def policy(recipe: ImageRecipe, size: int) -> Any:
    if recipe.auto_augment in POLICIES:
        return POLICIES[recipe.auto_augment](interpolation=interpolation(recipe))
    from timm.data.auto_augment import rand_augment_transform

    grey = tuple(min(255, round(255 * value)) for value in IMAGENET[0])
    settings: dict[str, Any] = {"translate_const": int(size * 0.45), "img_mean": grey}
    if recipe.interpolation != "random":
        settings["interpolation"] = getattr(Image.Resampling, recipe.interpolation.upper())
    try:
        return rand_augment_transform(recipe.auto_augment, settings)
    except Exception as error:  # timm asserts, or fails to read a number
        raise UserError(f"recipe.auto_augment={recipe.auto_augment}: timm cannot read it ({error!r})") from error


@contextmanager
def addressed(seed: int, purpose: str, *index: int) -> Iterator[None]:
    """Set the global streams of torch, Python and NumPy to one address within the block, and restore them after it."""
    number = address(seed, purpose, *index)
    python, array = random.getstate(), numpy.random.get_state()
    try:
        with global_stream(seed, purpose, *index):
            random.seed(number)
            numpy.random.seed(number % 2**32)
            yield
    finally:
        random.setstate(python)
        numpy.random.set_state(array)
