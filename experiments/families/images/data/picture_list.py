"""The picture files of a folder in torchvision's ImageNet layout, listed once and kept in the cache."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from experiments.errors import UserError
from experiments.families.images.data.image_folder import SUFFIXES
from experiments.files import write_atomic

EVALUATION = ("val", "test")  # names of the folder to evaluate on


@dataclass(frozen=True, eq=False)
class PictureList:
    """Files by number. All names are in one tensor, because processes can share it and a million strings are large.

    ``names`` uint8: all paths below ``root``, one after the other; ``ends`` int64 [n]: where each ends; ``labels``
    int64 [n].
    """

    root: Path
    names: Tensor
    ends: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def path(self, index: int) -> Path:
        begin = int(self.ends[index - 1]) if index else 0
        return self.root / bytes(self.names[begin : int(self.ends[index])].tolist()).decode()


@dataclass(frozen=True, eq=False)
class PictureSets:
    """Training and evaluation pictures. ``fingerprint`` covers names and sizes of the files, not their content."""

    train: PictureList
    test: PictureList
    classes: int
    fingerprint: str


def list_pictures(folder: Path, cache_dir: Path) -> PictureSets:
    """The pictures in train/<class>/* and val/<class>/*; classes are numbered in alphabetical order.

    The list is kept in ``cache_dir`` until a class folder changes. Raises UserError naming what is missing.
    """
    splits = {"train": folder / "train", "test": evaluation_folder(folder)}
    classes = {split: class_folders(place) for split, place in splits.items()}
    train, test = ([place.name for place in classes[split]] for split in ("train", "test"))
    if train != test:
        odd = sorted(set(train) ^ set(test))
        raise UserError(
            f"{folder}: train/ and {splits['test'].name}/ must have the same classes; only one has {odd[0]}"
        )
    cache = cache_dir / f"{folder.name}-pictures-{stamp(classes)}.pt"
    with ExitStack() as stack:
        with suppress(OSError):  # if there is no place for a lock, there is none for a cache
            cache.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(cache.with_suffix(".lock")))
        stored = read_list(cache) or scan(folder, classes, cache)
    parts = ("names", "ends", "labels")
    training, tested = (PictureList(folder, *(stored[f"{split}_{part}"] for part in parts)) for split in splits)
    return PictureSets(training, tested, len(train), bytes(stored["digest"].tolist()).hex()[:16])


def evaluation_folder(folder: Path) -> Path:
    if not (folder / "train").is_dir():
        raise UserError(
            f"{folder}: must have train/<class>/* and val/<class>/*, the layout of torchvision's ImageNet; "
            f"dataset.folder lies below data_dir (GEM_DATA), and python scripts/prepare_data.py unpacks the archives"
        )
    found = next((folder / name for name in EVALUATION if (folder / name).is_dir()), None)
    if found is None:
        raise UserError(f"{folder}: has train/ but neither {' nor '.join(f'{name}/' for name in EVALUATION)}")
    return found


def class_folders(place: Path) -> list[Path]:
    with os.scandir(place) as entries:
        found = sorted(Path(entry.path) for entry in entries if entry.is_dir())
    if not found:
        raise UserError(f"{place}: must have a folder of pictures for each class; it has none")
    return found


def stamp(classes: dict[str, list[Path]]) -> str:
    """A value that changes when a file is added, removed or renamed."""
    digest = hashlib.sha256()
    for split, places in classes.items():
        for place in places:
            digest.update(f"{split} {place.parent.name} {place.name} {place.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def scan(folder: Path, classes: dict[str, list[Path]], cache: Path) -> dict[str, Tensor]:
    """List every file with its size, and cache the list."""
    digest, found = hashlib.sha256(), {}
    for split, places in classes.items():
        names, labels = [], []
        for label, place in enumerate(places):
            pictures = sorted(picture_sizes(place).items())
            if not pictures:
                raise UserError(f"{place}: has no picture ({', '.join(sorted(SUFFIXES))})")
            for name, size in pictures:
                names.append(f"{place.parent.name}/{place.name}/{name}".encode())
                labels.append(label)
                digest.update(f"{split}/{place.name}/{name} {size}\n".encode())
        found[f"{split}_names"] = torch.frombuffer(bytearray(b"".join(names)), dtype=torch.uint8)
        found[f"{split}_ends"] = torch.tensor([len(name) for name in names]).cumsum(0)
        found[f"{split}_labels"] = torch.tensor(labels)
    found["digest"] = torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)
    buffer = io.BytesIO()
    torch.save(found, buffer)
    try:
        write_atomic(cache, buffer.getvalue())
    except OSError as error:
        print(f"warning: cannot keep the list of pictures in {cache}: {error.strerror}", file=sys.stderr)
    return found


def picture_sizes(place: Path) -> dict[str, int]:
    """Bytes of each picture in a folder, by name."""
    with os.scandir(place) as entries:
        return {e.name: e.stat().st_size for e in entries if Path(e.name).suffix.lower() in SUFFIXES and e.is_file()}


def read_list(cache: Path) -> dict[str, Tensor] | None:
    try:
        stored: dict[str, Tensor] = torch.load(cache, weights_only=True)
        return stored
    except Exception:  # missing or damaged: torch.load raises many types
        return None
