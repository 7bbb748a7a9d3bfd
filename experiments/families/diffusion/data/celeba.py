"""CelebA in torchvision's file layout: ``img_align_celeba/*.jpg`` and ``list_eval_partition.txt``."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy
import torch
from filelock import FileLock
from torch import Tensor

from experiments.errors import UserError
from experiments.families.images.data.image_folder import UNREADABLE, read_cache, stamp, store
from experiments.families.images.data.images import ImageData

PARTITION = "list_eval_partition.txt"
TRAIN, VALIDATION = "0", "1"  # codes of the partition file; 2 marks the test pictures, which GoLU does not use


def read_celeba(folder: Path, size: int, cache_dir: Path) -> ImageData:
    """Training and validation pictures [3, size, size] uint8; every label is 0. Decoded once, then cached.

    The shorter side is resized to ``size`` by averaging, then the centre is cut out, as GoLU does
    (arXiv 2502.03654, its public code). Raises UserError naming the file that is missing or wrong.
    """
    splits = read_partition(folder)
    cache = cache_dir / f"{folder.name}-{size}-{stamp(folder, folder / PARTITION)}.pt"
    with ExitStack() as stack:
        with suppress(OSError):  # if there is no place for a lock, there is none for a cache: ``store`` warns
            cache.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(cache.with_suffix(".lock")))
        data = read_cache(cache)
        if data is None:
            train, held = (decode_all(folder / "img_align_celeba", splits[key], size) for key in (TRAIN, VALIDATION))
            labels = [torch.zeros(len(pictures), dtype=torch.int64) for pictures in (train, held)]
            data = ImageData(train, labels[0], held, labels[1], classes=1)
            store(cache, data)
        return data


def read_partition(folder: Path) -> dict[str, list[str]]:
    """The names of the training and the validation pictures, in the file's order."""
    path = folder / PARTITION
    if not path.is_file():
        raise UserError(
            f"{path}: missing; dataset.folder lies below data_dir (GEM_DATA) and holds {PARTITION} and "
            f"img_align_celeba/*.jpg"
        )
    splits: dict[str, list[str]] = {TRAIN: [], VALIDATION: [], "2": []}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        name, _, split = line.strip().partition(" ")
        if split.strip() not in splits:
            raise UserError(f"{path}, line {number}: {line!r}: must be a file name and 0, 1 or 2")
        splits[split.strip()].append(name)
    for key, title in ((TRAIN, "training"), (VALIDATION, "validation")):
        if not splits[key]:
            raise UserError(f"{path}: names no {title} picture ({key})")
    return splits


def decode_all(folder: Path, names: list[str], size: int) -> Tensor:
    out = torch.empty(len(names), 3, size, size, dtype=torch.uint8)
    for index, name in enumerate(names):
        out[index] = decode_square(folder / name, size)
    return out


def decode_square(path: Path, size: int) -> Tensor:
    from PIL import Image

    try:
        picture: Any = Image.open(path).convert("RGB")
    except UNREADABLE as error:
        raise UserError(f"{path}: not a readable picture ({error})") from error
    scale = size / min(picture.size)
    wide, high = (round(side * scale) for side in picture.size)
    picture = picture.resize((wide, high), Image.Resampling.BOX)
    left, top = (wide - size) // 2, (high - size) // 2
    picture = picture.crop((left, top, left + size, top + size))
    return torch.from_numpy(numpy.array(picture)).permute(2, 0, 1)
