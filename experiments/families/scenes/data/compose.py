"""One scene composed of sprites. It uses integers only, so that a scene is the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
import torch
from PIL import Image

from experiments.families.scenes.data.sprites import Sprites
from experiments.randomness import generator

Array = numpy.ndarray[Any, Any]
DARK = 60  # the background is darker than this, in every channel
TRIES = 10  # attempts to place an object
SOLID = 64  # grey levels from here on belong to the object; darker pixels show the background
DRAWS = 2**31


@dataclass(frozen=True)
class Rules:
    """The parameters of composition; see ``schema.ComposedScenes``."""

    canvas: int
    objects: tuple[int, int]
    sides: tuple[int, int]
    clutter: int


@dataclass(frozen=True, eq=False)
class Composed:
    """A scene: image uint8 [H, W, 3], ``owners`` uint8 [H, W], and the class of every object.

    ``owners`` is the number of the visible object, counted from 1, or 0."""

    image: Array
    owners: Array
    classes: list[int]


class Draws:
    """Integers drawn at random by address, one after another."""

    def __init__(self, count: int, address: tuple[str, int]) -> None:
        self.values = iter(torch.randint(DRAWS, (count,), generator=generator(0, "scene", *address)).tolist())

    def below(self, end: int) -> int:
        return int(next(self.values)) % end

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)


def compose_scene(sets: list[Sprites], rules: Rules, part: str, index: int) -> Composed:
    """Scene ``index`` of ``part``: a dark background, fragments of sprites on it, and one or more objects on these.

    Each has its own colour. Objects may overlap, but at least half of every object stays visible. An object is skipped
    if ``TRIES`` places would hide more.
    """
    draws = Draws(4 + 9 * rules.clutter + (6 + 2 * TRIES) * rules.objects[1], (part, index))
    image = numpy.empty((rules.canvas, rules.canvas, 3), numpy.int32)
    image[:] = [draws.below(DARK) for _ in range(3)]
    for _ in range(rules.clutter):
        add_fragment(image, sets, draws)
    owners = numpy.zeros((rules.canvas, rules.canvas), numpy.uint8)
    classes: list[int] = []
    whole: list[int] = []  # number of pixels of each object before anything hides it
    for _ in range(draws.between(*rules.objects)):
        sprite, label = draw_sprite(sets, draws)
        side = draws.between(*rules.sides)
        colour = [draws.between(128, 255) for _ in range(3)]
        grey = resized(sprite, side)
        places = [(draws.below(rules.canvas - side + 1), draws.below(rules.canvas - side + 1)) for _ in range(TRIES)]
        for top, left in places if (grey >= SOLID).any() else []:
            found = put(owners, grey >= SOLID, top, left, len(classes) + 1)
            seen = numpy.bincount(found.ravel(), minlength=len(classes) + 2)
            if all(2 * seen[number] >= pixels for number, pixels in enumerate(whole, 1)):
                owners = found
                blend(image[top : top + side, left : left + side], grey, colour)
                classes.append(label)
                whole.append(int(seen[-1]))
                break
    return Composed(image.astype(numpy.uint8), owners, classes)


def add_fragment(image: Array, sets: list[Sprites], draws: Draws) -> None:
    """Add a third of a sprite's height and width, in a colour unrelated to the objects'."""
    sprite, _ = draw_sprite(sets, draws)
    side = max(1, len(sprite) // 3)
    top, left = (draws.below(len(sprite) - side + 1) for _ in range(2))
    row, column = (draws.below(len(image) - side + 1) for _ in range(2))
    colour = [draws.between(60, 200) for _ in range(3)]
    blend(image[row : row + side, column : column + side], sprite[top : top + side, left : left + side], colour)


def draw_sprite(sets: list[Sprites], draws: Draws) -> tuple[Array, int]:
    chosen = sets[draws.below(len(sets))]
    index = draws.below(len(chosen.classes))
    return chosen.pictures[index], chosen.classes[index]


def resized(sprite: Array, side: int) -> Array:
    """The sprite at height and width ``side``. Pillow resizes 8-bit pictures with integers."""
    return numpy.asarray(Image.fromarray(sprite).resize((side, side), Image.Resampling.BILINEAR))


def put(owners: Array, solid: Array, top: int, left: int, number: int) -> Array:
    found: Array = owners.copy()
    found[top : top + len(solid), left : left + len(solid)][solid] = number
    return found


def blend(under: Array, grey: Array, colour: list[int]) -> None:
    """Blend ``colour`` over ``under`` in place; ``grey`` is the opacity."""
    under += (numpy.array(colour, numpy.int32) - under) * grey.astype(numpy.int32)[..., None] // 255
