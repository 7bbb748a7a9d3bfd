"""CIFAR-10 and CIFAR-100 through torchvision: verified download, verified reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from experiments.errors import UserError
from experiments.families.download import fetch_once
from experiments.families.images.data.images import ImageData

CLASSES = {"cifar10": "CIFAR10", "cifar100": "CIFAR100"}  # torchvision's names


def read_cifar(name: str, data_dir: Path) -> ImageData:
    """50,000 + 10,000 images [3, 32, 32]; downloaded into ``data_dir`` if they are missing."""
    import torchvision

    if name not in CLASSES:
        raise UserError(f"dataset.name={name}: with source=cifar must be one of {', '.join(CLASSES)}")
    reader = getattr(torchvision.datasets, CLASSES[name])
    folder = data_dir / reader.base_folder
    if not folder.exists():
        fetch_once(data_dir, reader.base_folder, lambda root: reader(root, download=True), missing=folder)
    try:
        train, test = reader(data_dir, train=True), reader(data_dir, train=False)
    except (RuntimeError, OSError, EOFError) as error:
        raise UserError(
            f"{first_bad(reader, folder)}: missing, or its MD5 sum is wrong; unpack {reader.filename} there again, or "
            f"move the folder away and run python scripts/prepare_data.py dataset={name}, which downloads it"
        ) from error
    (train_x, train_y), (test_x, test_y) = tensors(train), tensors(test)
    return ImageData(train_x, train_y, test_x, test_y, classes=len(train.classes))


def first_bad(reader: Any, folder: Path) -> Path:
    """The faulty file, which torchvision does not name."""
    from torchvision.datasets.utils import check_integrity

    sums = {**dict(reader.train_list), **dict(reader.test_list), reader.meta["filename"]: reader.meta["md5"]}
    bad = (folder / file for file, md5 in sums.items() if not check_integrity(str(folder / file), md5))
    return next(bad, folder)


def tensors(split: Any) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(split.data).permute(0, 3, 1, 2).contiguous()
    return images, torch.tensor(split.targets)
