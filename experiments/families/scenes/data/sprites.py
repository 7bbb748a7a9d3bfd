"""Sprites: small grey pictures of one object each, in three disjoint parts."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy
import torch

from experiments.errors import UserError
from experiments.families.images.data.digits import read_digits
from experiments.families.images.data.images import ImageData
from experiments.families.images.data.mnist import read_mnist
from experiments.randomness import generator

Part = Literal["train", "holdout", "test"]
HELD_OUT = 6  # every sixth training sprite is reserved for held-out scenes, even if none are requested
CLOTHES = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
NAMES = {"mnist": [str(digit) for digit in range(10)], "fashion_mnist": CLOTHES}
NAMES["digits"] = NAMES["mnist"]


@dataclass(frozen=True, eq=False)
class Sprites:
    """One set of sprites: grey levels uint8 [n, h, w] and classes [n], counted from ``first``."""

    pictures: numpy.ndarray[Any, Any]
    classes: list[int]


def class_names(names: list[str]) -> list[str]:
    return ["background", *(title for name in names for title in NAMES[name])]


@functools.lru_cache(maxsize=8)
def read_sprites(name: str, part: Part, first: int, data_dir: str) -> Sprites:
    """The sprites of ``part``. Their ten classes are numbered from ``first``. Raises UserError if they are missing.

    Test sprites are the test images of the set. A fixed random draw divides the training images.
    """
    data = read_images(name, data_dir)
    if part == "test":
        return sprites(data.test_x, data.test_y, first)
    order = torch.randperm(len(data.train_y), generator=generator(0, "sprites", name))
    held = len(order) // HELD_OUT
    chosen = order[:held] if part == "holdout" else order[held:]
    return sprites(data.train_x[chosen], data.train_y[chosen], first)


def read_images(name: str, data_dir: str) -> ImageData:
    if name == "digits":
        return read_digits()
    try:
        return read_mnist(name, Path(data_dir))
    except UserError as error:
        raise UserError(f"{error}; or leave {name} out of dataset.sprites") from error


def sprites(pictures: torch.Tensor, labels: torch.Tensor, first: int) -> Sprites:
    return Sprites(pictures[:, 0].contiguous().numpy(), (labels + first).tolist())
