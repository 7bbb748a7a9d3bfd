"""Photographs with a class for every pixel, in the layout of PASCAL VOC."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import torch

from experiments.errors import UserError
from experiments.families.scenes.data.pictures import check_some, read_classes, read_rgb
from experiments.families.scenes.data.scene import UNLABELLED, LabelledPicture, Scene, SceneSource, Split
from experiments.families.scenes.data.split import held_out
from experiments.families.scenes.schema import VocScenes

VOC = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]


class VocSource(SceneSource):
    """Pictures listed in ``ImageSets/Segmentation/<list>.txt``, with the class of every pixel.

    ``JPEGImages/<name>.jpg`` is the picture and ``SegmentationClass/<name>.png`` holds its classes; 255 is unlabelled.
    """

    def __init__(self, config: VocScenes, data_dir: str) -> None:
        self.folder = Path(data_dir) / config.folder
        self.classes = config.classes
        self.class_names = VOC if self.classes == len(VOC) else [f"class {n}" for n in range(self.classes)]
        train, test = (self.read_list(name) for name in (config.train_list, config.test_list))
        training, held = held_out(range(len(train)), config.holdout, None, config.name)
        self.evaluated = "holdout" if config.holdout else "test"
        self.names = {
            "train": [train[index] for index in training],
            "evaluation": [train[index] for index in held] if config.holdout else test,
        }
        self.fingerprint = self.digest([*train, *test])

    def read_list(self, name: str) -> list[str]:
        path = self.folder / "ImageSets" / "Segmentation" / f"{name}.txt"
        try:
            names = path.read_text().split()
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; dataset.folder lies below data_dir (GEM_DATA)") from error
        if not names:
            raise UserError(f"{path}: it names no picture")
        for kind, suffix in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
            there = {file.name for file in (self.folder / kind).glob(f"*.{suffix}")}
            missing = [f"{each}.{suffix}" for each in names if f"{each}.{suffix}" not in there]
            if missing:
                raise UserError(f"{self.folder / kind / missing[0]}: missing, but {path} names it")
        return names

    def digest(self, names: list[str]) -> str:
        """A digest of the names and classes. The photographs are left out because they are many times as large."""
        digest = hashlib.sha256()
        for name in names:
            digest.update(name.encode() + (self.folder / "SegmentationClass" / f"{name}.png").read_bytes())
        return digest.hexdigest()[:16]

    def check_pictures(self, every: bool = False) -> None:
        """Decode some pictures, or every one. Raises UserError naming the first that is damaged."""
        splits: tuple[Split, Split] = ("train", "evaluation")
        for split in splits:
            check_some(self.count(split), partial(self.labelled, split), every)

    def count(self, split: Split) -> int:
        return len(self.names[split])

    def scene(self, split: Split, index: int, with_masks: bool) -> Scene:
        raise UserError("dataset=voc: it has no boxes; use a model for semantic segmentation")

    def labelled(self, split: Split, index: int) -> LabelledPicture:
        name = self.names[split][index]
        image = read_rgb(self.folder / "JPEGImages" / f"{name}.jpg")
        path = self.folder / "SegmentationClass" / f"{name}.png"
        classes = read_classes(path)
        if classes.shape != image.shape[1:]:
            sizes = " and ".join("×".join(str(side) for side in shape) for shape in (classes.shape, image.shape[1:]))
            raise UserError(f"{path}: it and its picture differ in size, {sizes} (height × width)")
        wrong = classes[(classes >= self.classes) & (classes != UNLABELLED)]
        if len(wrong):
            allowed = f"below dataset.classes={self.classes}, or {UNLABELLED} for none"
            raise UserError(f"{path}: class {int(torch.unique(wrong)[0])}; classes must be {allowed}")
        return LabelledPicture(image, classes)
