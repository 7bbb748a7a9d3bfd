"""All composed scenes of a configuration, in memory."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy
import torch
from torch import Tensor

from experiments.families.scenes.data.compose import Rules, compose_scene
from experiments.families.scenes.data.scene import LabelledPicture, Scene, SceneSource, Split
from experiments.families.scenes.data.sprites import Part, class_names, read_sprites
from experiments.families.scenes.schema import ComposedScenes


@dataclass(frozen=True, eq=False)
class SceneSet:
    """n scenes: ``images`` uint8 [n, 3, H, W], ``owners`` uint8 [n, H, W], ``classes`` uint8 [n, most objects].

    Unused entries of ``classes`` are 0.
    """

    images: Tensor
    owners: Tensor
    classes: Tensor

    def digest(self) -> bytes:
        digest = hashlib.sha256()
        for tensor in (self.images, self.owners, self.classes):
            digest.update(tensor.numpy().tobytes())
        return digest.digest()


class ComposedSource(SceneSource):
    """Scene ``index`` is a function of its part (train, holdout, test) and its number. The parts share no sprite."""

    uniform = composed = in_memory = True

    def __init__(self, config: ComposedScenes, data_dir: str) -> None:
        self.evaluated = "holdout" if config.holdout else "test"
        rules = Rules(config.canvas, as_pair(config.objects), as_pair(config.sides), config.clutter)
        known = (tuple(config.sprites), rules, data_dir)
        self.sets = {
            "train": compose_set("train", config.train_size, *known),
            "evaluation": compose_set(
                "holdout" if config.holdout else "test", config.holdout or config.test_size, *known
            ),
        }
        self.class_names = class_names(config.sprites)
        self.fingerprint = hashlib.sha256(b"".join(part.digest() for part in self.sets.values())).hexdigest()[:16]

    def count(self, split: Split) -> int:
        return len(self.sets[split].images)

    def scene(self, split: Split, index: int, with_masks: bool) -> Scene:
        part = self.sets[split]
        labels = part.classes[index][part.classes[index] > 0].long()
        numbers = torch.arange(1, len(labels) + 1, dtype=torch.uint8)
        masks = part.owners[index] == numbers[:, None, None]
        nothing = torch.zeros(len(labels), dtype=torch.bool)
        return Scene(part.images[index], boxes_around(masks), labels, nothing, masks.byte() if with_masks else None)

    def labelled(self, split: Split, index: int) -> LabelledPicture:
        part = self.sets[split]
        of_owner = torch.cat([torch.zeros(1, dtype=torch.uint8), part.classes[index]])
        return LabelledPicture(part.images[index], of_owner[part.owners[index].long()])


def as_pair(values: list[int]) -> tuple[int, int]:
    low, high = values
    return low, high


def boxes_around(masks: Tensor) -> Tensor:
    """float32 [n, 4]: the smallest boxes around the pixels of ``masks`` bool [n, H, W]. No mask may be empty."""
    columns, rows = masks.any(1).byte(), masks.any(2).byte()
    left, top = columns.argmax(1), rows.argmax(1)
    right, bottom = (line.shape[1] - line.flip(1).argmax(1) for line in (columns, rows))
    return torch.stack([left, top, right, bottom], 1).float()


@functools.lru_cache(maxsize=4)
def compose_set(part: Part, count: int, names: tuple[str, ...], rules: Rules, data_dir: str) -> SceneSet:
    """Scenes 0 … ``count`` - 1 of ``part``, cached for the next run of the process."""
    sets = [read_sprites(name, part, 1 + 10 * number, data_dir) for number, name in enumerate(names)]
    scenes = [compose_scene(sets, rules, part, index) for index in range(count)]
    classes = torch.zeros(count, rules.objects[1], dtype=torch.uint8)
    for row, scene in zip(classes, scenes, strict=True):
        row[: len(scene.classes)] = torch.tensor(scene.classes)
    images = torch.from_numpy(numpy.stack([scene.image for scene in scenes])).permute(0, 3, 1, 2).contiguous()
    return SceneSet(images, torch.from_numpy(numpy.stack([scene.owners for scene in scenes])), classes)
