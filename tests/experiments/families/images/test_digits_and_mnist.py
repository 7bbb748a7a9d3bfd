"""The embedded digits and the real MNIST files."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
import torch

from experiments.errors import UserError
from experiments.families.images.data.digits import read_digits
from experiments.families.images.data.mnist import UNPACKED, parse_idx, read_mnist


def test_digits_split() -> None:
    from sklearn.datasets import load_digits

    data = read_digits()
    assert data.train_x.shape == (1437, 1, 8, 8)
    assert data.test_x.shape == (360, 1, 8, 8)
    assert data.train_x.dtype == torch.uint8
    assert (int(data.train_x.min()), int(data.train_x.max())) == (0, 255)
    together = torch.cat([data.train_x, data.test_x])[:, 0].double() * 16 / 255
    original = torch.from_numpy(load_digits().images)
    assert torch.equal(together.round().flatten(1).unique(dim=0), original.flatten(1).unique(dim=0))
    assert torch.bincount(torch.cat([data.train_y, data.test_y])).tolist() == [
        *(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
    ]


def test_the_digits_split_stays() -> None:
    """Runs are compared across versions of this suite, so their data may not change."""
    assert read_digits().fingerprint() == "d9970ebc037cb5ee"


@pytest.mark.data
def test_mnist_is_exact(real_data: Path) -> None:
    """Counts of the training labels as published (LeCun et al.), and the pixel mean and sd everybody uses."""
    data = read_mnist("mnist", real_data)
    assert data.train_x.shape == (60000, 1, 28, 28)
    assert data.test_x.shape == (10000, 1, 28, 28)
    expected = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert torch.bincount(data.train_y).tolist() == expected
    mean, sd = data.statistics("dataset")
    assert (round(mean.item(), 4), round(sd.item(), 4)) == (0.1307, 0.3081)


@pytest.mark.data
@pytest.mark.parametrize("folder", ["mnist", "MNIST/raw"])
def test_unpacked_files_and_torchvisions_layout(real_data: Path, tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    for name in UNPACKED["mnist"]:
        with gzip.open(real_data / "mnist" / f"{name}.gz") as packed, open(tmp_path / folder / name, "wb") as file:
            shutil.copyfileobj(packed, file)
    assert read_mnist("mnist", tmp_path).fingerprint() == read_mnist("mnist", real_data).fingerprint()


@pytest.mark.parametrize(
    "data", [b"\0\0\x08\x01\0\0\0\x03ab", b"\0\0\x09\x01\0\0\0\x02ab", b"\0\0\x08\x02\0\0\0\x01\0\0\0\x03ab"]
)
def test_not_an_idx_file(data: bytes) -> None:
    with pytest.raises(UserError, match="x: not an IDX file"):
        parse_idx(Path("x"), data)
