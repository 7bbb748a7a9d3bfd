"""The views of a picture in training: resized, mirrored and cut out at random, by address."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torchvision.transforms.v2 import functional as pictures

from experiments.families.scenes.data.scene import UNLABELLED, LabelledPicture, Scene
from experiments.randomness import generator


@dataclass(frozen=True)
class Views:
    """The random variation of training pictures.

    The shorter side is drawn from ``sides``, and ``longest`` limits the longer one. ``flip`` is the probability of
    mirroring, ``crop`` the side of the square that is cut out.
    """

    sides: range
    longest: int | None
    flip: float
    crop: int | None


@dataclass(frozen=True)
class Draw:
    """One view: the shorter side, whether it is mirrored, and the place of the square as shares of the free space."""

    side: int
    mirrored: bool
    top: float
    left: float


def draw_view(views: Views, seed: int, epoch: int, index: int) -> Draw:
    side, mirror, top, left = torch.rand(
        4, generator=generator(seed, "view", epoch, index), dtype=torch.float64
    ).tolist()
    return Draw(views.sides[int(side * len(views.sides))], mirror < views.flip, top, left)


def resized_to(height: int, width: int, side: int, longest: int | None) -> tuple[int, int]:
    """Height and width with the shorter one at ``side``, or less if the longer one would exceed ``longest``."""
    scale = side / min(height, width)
    if longest is not None:
        scale = min(scale, longest / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resizing with antialiasing."""
    if tuple(image.shape[-2:]) == size:
        return image
    resized: Tensor = pictures.resize(image, list(size), antialias=True)
    return resized


def resize_nearest(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Nearest-neighbour resizing of masks or classes uint8 [n, H, W]."""
    if tuple(values.shape[-2:]) == size or not len(values):
        return values.new_zeros(len(values), *size) if not len(values) else values
    return F.interpolate(values[:, None], size=size, mode="nearest-exact")[:, 0]


def view_scene(scene: Scene, views: Views, draw: Draw) -> Scene:
    """The scene resized and mirrored, with its boxes and masks."""
    height, width = scene.image.shape[1:]
    size = resized_to(height, width, draw.side, views.longest)
    image, boxes, masks = resize_image(scene.image, size), scene.boxes, scene.masks
    boxes = boxes * torch.tensor([size[1] / width, size[0] / height]).repeat(2)
    if masks is not None:
        masks = resize_nearest(masks, size)
    if draw.mirrored:
        image, masks = image.flip(-1), None if masks is None else masks.flip(-1)
        boxes = torch.stack([size[1] - boxes[:, 2], boxes[:, 1], size[1] - boxes[:, 0], boxes[:, 3]], 1)
    return replace(scene, image=image, boxes=boxes, masks=masks)


def view_labelled(picture: LabelledPicture, views: Views, draw: Draw) -> LabelledPicture:
    """The picture resized, mirrored and cut out. Pixels outside the picture are black and unlabelled."""
    height, width = picture.image.shape[1:]
    size = resized_to(height, width, draw.side, views.longest)
    image, classes = resize_image(picture.image, size), resize_nearest(picture.classes[None], size)[0]
    if draw.mirrored:
        image, classes = image.flip(-1), classes.flip(-1)
    if views.crop is None:
        return LabelledPicture(image, classes)
    margins = [0, max(0, views.crop - size[1]), 0, max(0, views.crop - size[0])]
    image, classes = F.pad(image, margins), F.pad(classes, margins, value=UNLABELLED)
    top, left = (
        int(share * (length - views.crop + 1))
        for share, length in zip((draw.top, draw.left), classes.shape, strict=True)
    )
    window = (..., slice(top, top + views.crop), slice(left, left + views.crop))
    return LabelledPicture(image[window], classes[window])


def evaluation_view(picture: LabelledPicture, side: int) -> LabelledPicture:
    """The picture resized to the shorter side of evaluation."""
    height, width = picture.image.shape[1:]
    size = resized_to(height, width, side, None)
    return LabelledPicture(resize_image(picture.image, size), resize_nearest(picture.classes[None], size)[0])
