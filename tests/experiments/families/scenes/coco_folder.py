"""A small folder in the format of COCO, and one in that of PASCAL VOC: coloured rectangles on grey."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy
from PIL import Image

CATEGORIES = [{"id": 2, "name": "bicycle"}, {"id": 5, "name": "aeroplane"}, {"id": 16, "name": "bird"}]
COLOURS = {2: (220, 40, 40), 5: (40, 220, 40), 16: (40, 40, 220)}
SIZES = [(60, 80), (72, 64), (64, 64)]  # height, width


def write_coco(folder: Path, train: int = 8, test: int = 4, seed: int = 0) -> Path:
    """``train2017``, ``val2017`` and their annotations: polygons, run-length codes of both kinds, and a crowd."""
    draw = random.Random(seed)
    for split, count in (("train2017", train), ("val2017", test)):
        write_split(folder, split, count, draw)
    return folder


def write_split(folder: Path, split: str, count: int, draw: random.Random) -> None:
    (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(count):
        height, width = SIZES[number % len(SIZES)]
        picture = numpy.full((height, width, 3), 120, numpy.uint8)
        name = f"{number:06d}.jpg"
        images.append({"id": 100 + number, "file_name": name, "height": height, "width": width})
        for k in range(1 + number % 3):
            category = draw.choice(CATEGORIES)["id"]
            w, h = draw.randint(14, 30), draw.randint(14, 30)
            x, y = draw.randint(0, width - w), draw.randint(0, height - h)
            picture[y : y + h, x : x + w] = COLOURS[category]
            crowd = int(split == "val2017" and number == 1 and k == 1)
            annotation = {"bbox": [x, y, w, h], "area": w * h, "iscrowd": crowd, "category_id": category}
            annotation |= {"id": len(annotations) + 1, "image_id": 100 + number}
            kind = 1 if crowd else len(annotations) % 3
            annotations.append(annotation | {"segmentation": segmentation(x, y, w, h, height, width, kind)})
        Image.fromarray(picture).save(folder / split / name, quality=95)
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES}
    (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))


def segmentation(x: int, y: int, w: int, h: int, height: int, width: int, kind: int) -> Any:
    """The rectangle as a polygon (0), as run lengths (1), and as run lengths packed into a text (2)."""
    if kind == 0:
        return [[x, y, x + w, y, x + w, y + h, x, y + h]]
    mask = numpy.zeros((height, width), numpy.uint8)
    mask[y : y + h, x : x + w] = 1
    if kind == 2:
        from faster_coco_eval.core import mask as codes

        packed = codes.encode(numpy.asfortranarray(mask))
        return {"size": [height, width], "counts": packed["counts"].decode()}
    flat = mask.ravel(order="F")
    changes = [0, *(numpy.flatnonzero(numpy.diff(flat)) + 1).tolist(), len(flat)]
    lengths = numpy.diff(changes).tolist()
    return {"size": [height, width], "counts": lengths if flat[0] == 0 else [0, *lengths]}


def write_voc(folder: Path, train: int = 6, test: int = 3, seed: int = 0) -> Path:
    """Three classes, the background among them, and a margin of 255 around every object."""
    draw = random.Random(seed)
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / name).mkdir(parents=True)
    names: dict[str, list[str]] = {"train": [], "val": []}
    for number in range(train + test):
        height, width = SIZES[number % len(SIZES)]
        picture = numpy.full((height, width, 3), 120, numpy.uint8)
        classes = numpy.zeros((height, width), numpy.uint8)
        kind, side = draw.choice([1, 2]), draw.randint(20, 30)
        x, y = draw.randint(1, width - side - 1), draw.randint(1, height - side - 1)
        classes[y - 1 : y + side + 1, x - 1 : x + side + 1] = 255
        classes[y : y + side, x : x + side] = kind
        picture[y : y + side, x : x + side] = COLOURS[2 if kind == 1 else 5]
        stem = f"2012_{number:06d}"
        Image.fromarray(picture).save(folder / "JPEGImages" / f"{stem}.jpg", quality=95)
        labels = Image.fromarray(classes).convert("P")  # grey levels become indices of a palette
        labels.save(folder / "SegmentationClass" / f"{stem}.png")
        names["train" if number < train else "val"].append(stem)
    for split, found in names.items():
        (folder / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("\n".join(found) + "\n")
    return folder


def edit_json(path: Path, change: Any) -> None:
    """``change(content)`` changes what the file holds in place."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
