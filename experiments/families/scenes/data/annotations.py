"""A JSON file of annotations in COCO's format, read and checked once, and kept as bytes by picture.

COCO has 860,000 annotations. As one block of bytes they can be shared with worker processes. Dictionaries would be
copied into each worker.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from experiments.errors import UserError

Annotation = dict[str, Any]


@dataclass(frozen=True, eq=False)
class AnnotationFile:
    """Pictures by number, in the order of their ids: ``names``, ``sizes`` (height, width) and annotations."""

    path: Path
    digest: str
    categories: dict[int, str]
    names: list[str]
    sizes: list[tuple[int, int]]
    blob: bytes
    ends: numpy.ndarray[Any, Any]  # the end of each picture's part of ``blob``

    def of(self, index: int) -> list[Annotation]:
        """The annotations of picture ``index``."""
        start = int(self.ends[index - 1]) if index else 0
        found: list[Annotation] = json.loads(self.blob[start : int(self.ends[index])])
        return found


def read_annotations(path: Path, with_masks: bool) -> AnnotationFile:
    """The file at ``path``. Raises UserError naming what is missing or wrong in it.

    ``with_masks``: every object must have a mask of the size of its picture.
    """
    try:
        data = path.read_bytes()
        content = json.loads(data)
        pictures, annotations, categories = (content[key] for key in ("images", "annotations", "categories"))
        sizes = {int(p["id"]): (int(p["height"]), int(p["width"])) for p in pictures}
        names = {int(p["id"]): str(p["file_name"]) for p in pictures}
        titles = {int(c["id"]): str(c["name"]) for c in categories}
    except FileNotFoundError as error:
        raise UserError(f"{path}: missing; dataset.folder lies below data_dir (GEM_DATA)") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a file of COCO's instances format ({error!r})") from error
    by_picture = defaultdict(list)
    for number, annotation in enumerate(annotations):
        fault = fault_of(annotation, sizes, titles, with_masks)
        if fault:
            raise UserError(f"{path}: annotation {annotation_name(annotation, number)} {fault}")
        by_picture[annotation["image_id"]].append(slimmed(annotation, with_masks))
    if not by_picture:
        raise UserError(f"{path}: it has no boxes, {len(annotations)} annotations of {len(pictures)} pictures")
    order = sorted(sizes)
    pieces = [json.dumps(by_picture[picture], separators=(",", ":")).encode() for picture in order]
    return AnnotationFile(
        path=path,
        digest=hashlib.sha256(data).hexdigest(),
        categories=titles,
        names=[names[picture] for picture in order],
        sizes=[sizes[picture] for picture in order],
        blob=b"".join(pieces),
        ends=numpy.cumsum([len(piece) for piece in pieces]),
    )


def annotation_name(annotation: Any, number: int) -> str:
    return str(annotation.get("id", f"number {number}")) if isinstance(annotation, dict) else f"number {number}"


def fault_of(annotation: Any, sizes: dict[int, tuple[int, int]], titles: dict[int, str], with_masks: bool) -> str:
    """The fault of an annotation, or an empty string."""
    if not isinstance(annotation, dict):
        return "is no dictionary"
    if annotation.get("image_id") not in sizes:
        return f"is of picture {annotation.get('image_id')}, which is not among the images"
    if annotation.get("category_id") not in titles:
        return f"has category_id={annotation.get('category_id')}, which is not among the categories"
    if not is_numbers(annotation.get("bbox"), 4):
        return f"has no box: bbox={annotation.get('bbox')}"
    return mask_fault(annotation.get("segmentation"), sizes[annotation["image_id"]]) if with_masks else ""


def mask_fault(segmentation: Any, size: tuple[int, int]) -> str:
    """The fault of a mask for a picture of ``size`` (height, width), or an empty string."""
    if isinstance(segmentation, dict) and {"counts", "size"} <= set(segmentation):
        given = segmentation["size"]
        return "" if given == list(size) else f"has a mask of size {given}, its picture is of size {list(size)}"
    polygons = isinstance(segmentation, list) and segmentation
    if not polygons or not all(is_numbers(p) and len(p) >= 6 and len(p) % 2 == 0 for p in segmentation):
        return "has no mask: its segmentation must be polygons of three points or more, or a run-length code"
    return ""


def is_numbers(values: Any, count: int | None = None) -> bool:
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str)
        and (count is None or len(values) == count)
        and all(isinstance(v, int | float) and math.isfinite(v) for v in values)
    )


def slimmed(annotation: Annotation, with_masks: bool) -> Annotation:
    """The fields of an annotation that are used."""
    left, top, width, height = annotation["bbox"]
    kept = {
        "bbox": [left, top, left + width, top + height],
        "category_id": annotation["category_id"],
        "iscrowd": int(annotation.get("iscrowd", 0)),
        "area": float(annotation.get("area", width * height)),
    }
    return kept | ({"segmentation": annotation["segmentation"]} if with_masks else {})
