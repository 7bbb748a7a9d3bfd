"""Photographs annotated in the format of COCO (Lin et al. 2014, arXiv 1405.0312)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from experiments.errors import UserError, must_be
from experiments.families.scenes.data.annotations import Annotation, AnnotationFile, read_annotations
from experiments.families.scenes.data.masks import decode_mask, paint_classes
from experiments.families.scenes.data.pictures import check_some, read_rgb
from experiments.families.scenes.data.scene import LabelledPicture, Scene, SceneSource, Split
from experiments.families.scenes.data.split import held_out
from experiments.families.scenes.schema import CocoScenes

LARGEST_ID = 254  # of category ids that serve as classes; 255 marks pixels without a class


class CocoSource(SceneSource):
    """Training skips pictures without a usable object, as torchvision's and GoLU's reference scripts do.

    A class is its category's id, as in torchvision's detectors: COCO has 91 classes including the background. If
    ``dataset.categories`` is given, or an id is not from 1 to 254, classes are counted from 1.
    """

    def __init__(self, config: CocoScenes, data_dir: str, with_masks: bool, semantic: bool) -> None:
        folder = Path(data_dir) / config.folder
        self.semantic = semantic
        self.files = {
            "train": read_annotations(folder / config.train_annotations, with_masks or semantic),
            "evaluation": read_annotations(folder / config.test_annotations, with_masks or semantic),
        }
        self.folders = {"train": folder / config.train_images, "evaluation": folder / config.test_images}
        train, test = self.files["train"], self.files["evaluation"]
        if train.categories != test.categories:
            raise UserError(f"{test.path}: its categories are not those of {train.path}")
        self.numbers = numbered(config.categories, train)
        names = {number: train.categories[category] for category, number in self.numbers.items()}
        self.class_names = ["background", *(names.get(n, f"class {n}") for n in range(1, 1 + max(names)))]
        for split, file in self.files.items():
            check_files(self.folders[split], file)
        self.fingerprint = hashlib.sha256(f"{train.digest} {test.digest}".encode()).hexdigest()[:16]
        self.choose(config)

    def choose(self, config: CocoScenes) -> None:
        """Choose the pictures for training and for evaluation."""
        train = self.files["train"]
        usable = [index for index in range(len(train.names)) if self.is_usable(train.of(index), config.train_area)]
        if not usable:
            raise UserError(f"{train.path}: no picture has an object to train on")
        training, held = held_out(usable, config.holdout, config.train_size, config.name)
        self.chosen: dict[str, Sequence[int]] = {"train": training}
        if config.holdout:
            self.evaluated, self.chosen["evaluation"] = "holdout", held
            self.files["evaluation"], self.folders["evaluation"] = train, self.folders["train"]
        else:
            self.chosen["evaluation"] = range(len(self.files["evaluation"].names))
        evaluated = self.files["evaluation"]
        if not any(self.objects(evaluated.of(index)) for index in self.chosen["evaluation"]):
            raise UserError(f"{evaluated.path}: no picture to evaluate on has an object")

    def check_pictures(self, every: bool = False) -> None:
        """Decode some pictures, or every one. Raises UserError naming the first that is damaged."""
        for split in ("train", "evaluation"):
            check_some(len(self.chosen[split]), partial(self.read_chosen, split), every)

    def read_chosen(self, split: str, position: int) -> Tensor:
        return self.read(split, self.files[split], self.chosen[split][position])

    def read(self, split: str, file: AnnotationFile, index: int) -> Tensor:
        return read_rgb(self.folders[split] / file.names[index], file.sizes[index])

    def objects(self, annotations: list[Annotation]) -> list[Annotation]:
        """The annotations of the chosen categories."""
        return [a for a in annotations if a["category_id"] in self.numbers]

    def is_usable(self, annotations: list[Annotation], area: float) -> bool:
        found = self.objects(annotations)
        if self.semantic:
            return sum(float(a["area"]) for a in found) > area
        return any(width_of(a) > 1 and height_of(a) > 1 for a in found)

    def count(self, split: Split) -> int:
        return len(self.chosen[split])

    def scene(self, split: Split, index: int, with_masks: bool) -> Scene:
        """A picture with its objects. In training without crowds and empty boxes, and with boxes cut at the border."""
        file, picture = self.files[split], self.chosen[split][index]
        found, (height, width) = self.objects(file.of(picture)), file.sizes[picture]
        if split == "train":
            found = [a for a in found if not a["iscrowd"]]
        boxes = torch.tensor([a["bbox"] for a in found], dtype=torch.float32).reshape(-1, 4)
        if split == "train":
            boxes = boxes.clamp(torch.zeros(4), torch.tensor([width, height, width, height], dtype=torch.float32))
            kept = ((boxes[:, 2:] > boxes[:, :2]).all(1)).nonzero()[:, 0].tolist()
            boxes, found = boxes[kept], [found[k] for k in kept]
        labels = torch.tensor([self.numbers[a["category_id"]] for a in found], dtype=torch.int64)
        crowd = torch.tensor([bool(a["iscrowd"]) for a in found], dtype=torch.bool)
        masks = torch.stack(self.masks(split, picture, found)) if with_masks and found else None
        if with_masks and not found:
            masks = torch.zeros(0, height, width, dtype=torch.uint8)
        return Scene(self.read(split, file, picture), boxes, labels, crowd, masks)

    def masks(self, split: Split, picture: int, annotations: list[Annotation]) -> list[Tensor]:
        file = self.files[split]
        where = f"{file.path}: {file.names[picture]}"
        return [decode_mask(a["segmentation"], file.sizes[picture], where) for a in annotations]

    def labelled(self, split: Split, index: int) -> LabelledPicture:
        file, picture = self.files[split], self.chosen[split][index]
        found = self.objects(file.of(picture))
        labels = [self.numbers[a["category_id"]] for a in found]
        classes = paint_classes(self.masks(split, picture, found), labels, file.sizes[picture])
        return LabelledPicture(self.read(split, file, picture), classes)


def width_of(annotation: Annotation) -> float:
    left, _, right, _ = annotation["bbox"]
    return float(right - left)


def height_of(annotation: Annotation) -> float:
    _, top, _, bottom = annotation["bbox"]
    return float(bottom - top)


def numbered(categories: list[int], file: AnnotationFile) -> dict[int, int]:
    """The class of every category in use. Raises UserError for a category that the file does not have."""
    for category in categories:
        if category not in file.categories:
            known = ", ".join(str(known) for known in sorted(file.categories))
            raise UserError(must_be("dataset.categories", category, f"among the category ids of {file.path}: {known}"))
    if not categories and all(1 <= category <= LARGEST_ID for category in file.categories):
        return {category: category for category in file.categories}
    return {category: number for number, category in enumerate(categories or sorted(file.categories), 1)}


def check_files(folder: Path, file: AnnotationFile) -> None:
    """Raise UserError if a picture is missing. Pictures may lie in subfolders."""
    places = {name.rpartition("/")[0] for name in file.names}
    there: set[str] = set()
    for place in places:
        if not (folder / place).is_dir():
            raise UserError(f"{folder / place}: no such folder, and {file.path} says that pictures lie there")
        there |= {f"{place}/{name}" if place else name for name in os.listdir(folder / place)}
    missing = sorted(set(file.names) - there)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(f"{folder / missing[0]}{more}: missing, but {file.path} lists it")
