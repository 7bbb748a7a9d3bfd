"""Data that is missing or wrong: the line names the file and the ways out, quickly, and nothing is left behind."""

from __future__ import annotations

import gzip
import shutil
import socket
import time
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.families import download
from experiments.families.images.data.mnist import read_mnist
from tests.experiments.results import tree
from tests.experiments.test_bad_input import is_one_error_line
from tests.experiments.zygote import Zygote

WAYS_OUT = ["data_dir (GEM_DATA)", "scripts/prepare_data.py"]
# Every address resolves to this machine's closed port 9, so that no test depends on a network being there or not.
NO_NETWORK = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("dataset=mnist", "mnist/train-images-idx3-ubyte.gz"),
        ("dataset=cifar10", "cifar-10-batches-py"),
        ("dataset=cifar100 model=resnet20", "cifar-100-python"),
    ],
)
def test_missing_and_no_network(train: Zygote, tmp_path: Path, line: str, file: str) -> None:
    started = time.monotonic()
    ended = train.run(*line.split(), "data_dir=not/there", cwd=tmp_path, env=NO_NETWORK)
    assert is_one_error_line(ended, f"not/there/{file}: missing", "download failed", *WAYS_OUT)
    assert time.monotonic() - started < 60
    assert not any(tmp_path.iterdir())


def test_an_existing_data_folder_is_left_as_it_was(train: Zygote, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert train.run("dataset=mnist", "data_dir=data", cwd=tmp_path, env=NO_NETWORK).status == 2
    assert tree(tmp_path) == {"data": None}


def test_missing_image_folder(train: Zygote, tmp_path: Path) -> None:
    ended = train.run("dataset=image_folder", "dataset.folder=pets", "data_dir=here", cwd=tmp_path)
    assert is_one_error_line(ended, "here/pets: no such folder", "data_dir (GEM_DATA)", "train/<class>/*")
    assert not any(tmp_path.iterdir())


def test_a_silent_server_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts and never answers; without a limit Python would wait for ever."""
    import torchvision

    monkeypatch.setattr(download, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [address])
        with pytest.raises(UserError, match="download failed"):
            read_mnist("mnist", tmp_path / "data")
    assert not any(tmp_path.iterdir())
    assert socket.getdefaulttimeout() is None


@pytest.fixture
def wrong_mnist(tmp_path: Path) -> Path:
    """Four files under the right names, none of them MNIST."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x01x"))
    return folder


def test_another_file_of_that_name(train: Zygote, tmp_path: Path, wrong_mnist: Path) -> None:
    before = tree(tmp_path)
    ended = train.run("dataset=mnist", "data_dir=data", cwd=tmp_path)
    name = "data/mnist/train-images-idx3-ubyte.gz"
    assert is_one_error_line(ended, name, "MD5", "put the right file in its place", "prepare_data.py")
    assert tree(tmp_path) == before


@pytest.mark.data
@pytest.mark.parametrize("damage", ["cut", "flip", "not gzip", "absent"])
def test_one_damaged_file(train: Zygote, tmp_path: Path, real_data: Path, damage: str) -> None:
    folder = tmp_path / "data" / "mnist"
    shutil.copytree(real_data / "mnist", folder)
    broken = folder / "t10k-labels-idx1-ubyte.gz"
    data = broken.read_bytes()
    if damage == "absent":
        broken.unlink()
    else:
        flipped = data[:2000] + bytes([data[2000] ^ 1]) + data[2001:]
        broken.write_bytes({"cut": data[:-9], "flip": flipped, "not gzip": b"<html>"}[damage])
    before = tree(tmp_path)
    ended = train.run("dataset=mnist", "data_dir=data", cwd=tmp_path)
    assert is_one_error_line(ended, "data/mnist/t10k-labels-idx1-ubyte")
    assert tree(tmp_path) == before
