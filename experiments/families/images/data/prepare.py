"""Prepares picture files for runs: unpacks archives, lists the files, and checks that each can be read."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from experiments.errors import UserError
from experiments.families.images.data.picture_list import PictureList, list_pictures
from experiments.families.images.data.stream import default_workers
from experiments.families.images.data.transforms import decode_picture
from experiments.families.images.schema import PictureFolder

ARCHIVES = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar", "ILSVRC2012_devkit_t12.tar.gz")


class Faults(Dataset[str]):
    """Maps the number of a picture to the reason why it cannot be read, or to an empty string."""

    def __init__(self, pictures: PictureList) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> str:
        try:
            decode_picture(self.pictures.path(index))
        except UserError as error:
            return str(error)
        return ""


def prepare_pictures(dataset: PictureFolder, data_dir: str, cache_dir: str) -> str:
    """Unpack ImageNet's archives if they are there, list the files and decode each once.

    Raises UserError naming the first picture that cannot be read.
    """
    folder = Path(data_dir) / str(dataset.folder)
    unpack(folder)
    sets = list_pictures(folder, Path(cache_dir))
    for pictures in (sets.train, sets.test):
        find_faults(pictures, folder.name)
    return (
        f"{dataset.name}: {len(sets.train)} training and {len(sets.test)} test pictures, all readable, "
        f"{sets.classes} classes, fingerprint {sets.fingerprint}"
    )


def unpack(folder: Path) -> None:
    """Unpack the three archives of ILSVRC 2012 in ``folder``, if they are there; torchvision checks them."""
    if (folder / "train").is_dir() or not all((folder / name).is_file() for name in ARCHIVES):
        return
    from torchvision.datasets import ImageNet

    print(f"unpacking the archives in {folder}", file=sys.stderr)
    try:
        for part in ("train", "val"):
            ImageNet(str(folder), split=part)
    except RuntimeError as error:
        raise UserError(f"{folder}: {error}") from error


def find_faults(pictures: PictureList, name: str) -> None:
    workers = default_workers(1)
    loader = DataLoader(Faults(pictures), batch_size=64, num_workers=workers, generator=torch.Generator())
    for faults in tqdm(loader, desc=f"reading {name}", disable=not sys.stderr.isatty()):
        fault = next(filter(None, faults), None)
        if fault:
            raise UserError(fault)
