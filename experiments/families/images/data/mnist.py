"""MNIST and Fashion-MNIST from their four IDX files, plain or gzipped, checked against published MD5 sums."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import torch
from torch import Tensor

from experiments.errors import UserError
from experiments.families.download import fetch_once
from experiments.families.images.data.images import ImageData

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # apt install dataset-fashion-mnist
CLASSES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}  # torchvision's names
# MD5 sums of the unpacked files; those of the archives come from torchvision.
UNPACKED = {
    "mnist": {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
}


def read_mnist(name: str, data_dir: Path) -> ImageData:
    """60,000 + 10,000 images [1, 28, 28]. Looks in <data_dir>/<name>, torchvision's layout and Debian's package.

    Downloads them if they are nowhere. Raises UserError naming the file that is missing or wrong.
    """
    if name not in CLASSES:
        raise UserError(f"dataset.name={name}: with source=mnist must be one of {', '.join(CLASSES)}")
    folders = [data_dir / name, data_dir / CLASSES[name] / "raw"] + ([DEBIAN] if name == "fashion_mnist" else [])
    if find(folders, "train-images-idx3-ubyte") is None:
        download(name, data_dir)
    tensors = [parse_idx(*load(name, folders, file)) for file in UNPACKED[name]]
    train_x, train_y, test_x, test_y = tensors
    return ImageData(train_x[:, None], train_y.long(), test_x[:, None], test_y.long(), classes=10)


def find(folders: list[Path], file: str) -> Path | None:
    paths = (folder / (file + suffix) for folder in folders for suffix in ("", ".gz"))
    return next((path for path in paths if path.is_file()), None)


def load(name: str, folders: list[Path], file: str) -> tuple[Path, bytes]:
    path = find(folders, file)
    if path is None:
        raise UserError(f"{folders[0] / file}[.gz]: missing; put it there, or point data_dir (GEM_DATA) to its folder")
    archive = path.read_bytes()
    try:
        data = gzip.decompress(archive) if path.suffix == ".gz" else archive
    except (OSError, EOFError) as error:
        raise UserError(f"{path}: damaged ({error}); {ways_out(name, path)}") from error
    if hashlib.md5(data).hexdigest() != UNPACKED[name][file] and hashlib.md5(archive).hexdigest() not in archives(name):
        raise UserError(f"{path}: not the published file, its MD5 sum differs; {ways_out(name, path)}")
    return path, data


def ways_out(name: str, path: Path) -> str:
    return (
        f"put the right file in its place, or move {path.parent} away and run "
        f"python scripts/prepare_data.py dataset={name}, which downloads it"
    )


def archives(name: str) -> set[str]:
    import torchvision

    return {md5 for _, md5 in getattr(torchvision.datasets, CLASSES[name]).resources}


def download(name: str, data_dir: Path) -> None:
    import torchvision

    reader = getattr(torchvision.datasets, CLASSES[name])
    fetch_once(
        data_dir,
        CLASSES[name],
        lambda root: reader(root, download=True),
        missing=data_dir / name / "train-images-idx3-ubyte.gz",
    )


def parse_idx(path: Path, data: bytes) -> Tensor:
    """An IDX file of unsigned bytes: magic 0 0 8 ndim, the sizes as big-endian int32, the values."""
    ndim = data[3]
    sizes = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(ndim)]
    values = torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=4 + 4 * ndim)
    if data[:3] != b"\x00\x00\x08" or values.numel() != torch.Size(sizes).numel():
        raise UserError(f"{path}: not an IDX file of unsigned bytes")
    return values.view(sizes)
