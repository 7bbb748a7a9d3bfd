"""Small pictures in torchvision's ImageNet layout, generated: a colour for each class, and noise."""

from __future__ import annotations

from pathlib import Path

import numpy
from PIL import Image

SPLITS = {"train": 12, "val": 5}  # pictures a class
STREAM = ("dataset=imagenet", "dataset.size=32", "dataset.resize=40", "recipe=imagenet", "impl=deterministic")


def write_pictures(data_dir: Path, classes: int = 7, splits: dict[str, int] = SPLITS) -> Path:
    """``<data_dir>/imagenet/train/n0/0.JPEG`` …, RGB of 40 to 79 pixels a side; one picture is grey."""
    draw = numpy.random.default_rng(0)
    for split, count in splits.items():
        for label in range(classes):
            folder = data_dir / "imagenet" / split / f"n{label}"
            folder.mkdir(parents=True)
            for number in range(count):
                size = draw.integers(40, 80, 2)
                pixels = draw.integers(0, 128, (*size, 3)) + 18 * label * numpy.array([1, 0, 1])
                picture = Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8))
                (picture.convert("L") if label == number == 0 else picture).save(folder / f"{number}.JPEG")
    return data_dir
