"""CIFAR-10 and CIFAR-100 through torchvision's reader, on small files in the true format."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy
import pytest
import torch
import torchvision

from experiments.errors import UserError
from experiments.families.images.data import cifar
from experiments.families.images.data.cifar import read_cifar

FILES = {
    "cifar10": ([f"data_batch_{i}" for i in range(1, 6)], ["test_batch"], "batches.meta"),
    "cifar100": (["train"], ["test"], "meta"),
}
CLASSES = {"cifar10": 10, "cifar100": 100}
LABELS = {"cifar10": ("labels", "label_names"), "cifar100": ("fine_labels", "fine_label_names")}
ROWS = 3


def write(name: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, numpy.ndarray]:
    """Files of a few images each, and torchvision's table of MD5 sums set to theirs."""
    reader = getattr(torchvision.datasets, cifar.CLASSES[name])
    folder = data_dir / reader.base_folder
    folder.mkdir(parents=True)
    draw, rows, sums = numpy.random.default_rng(0), {}, {}
    train, test, meta = FILES[name]
    key, names_key = LABELS[name]
    for file in (*train, *test):
        rows[file] = draw.integers(256, size=(ROWS, 3072), dtype=numpy.uint8)
        content = pickle.dumps({"data": rows[file], key: [7, 1, CLASSES[name] - 1]})
        (folder / file).write_bytes(content)
        sums[file] = hashlib.md5(content).hexdigest()
    content = pickle.dumps({names_key: [f"class {i}" for i in range(CLASSES[name])]})
    (folder / meta).write_bytes(content)
    monkeypatch.setattr(reader, "train_list", [[file, sums[file]] for file in train])
    monkeypatch.setattr(reader, "test_list", [[file, sums[file]] for file in test])
    monkeypatch.setattr(reader, "meta", {**reader.meta, "md5": hashlib.md5(content).hexdigest()})
    return rows


@pytest.mark.parametrize("name", FILES)
def test_pixels_and_labels(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = write(name, tmp_path, monkeypatch)
    data = read_cifar(name, tmp_path)
    train, test, _ = FILES[name]
    expected = torch.from_numpy(numpy.concatenate([rows[file] for file in train])).view(-1, 3, 32, 32)
    assert torch.equal(data.train_x, expected)
    assert torch.equal(data.test_x, torch.from_numpy(rows[test[0]]).view(-1, 3, 32, 32))
    assert data.train_y.tolist() == [7, 1, CLASSES[name] - 1] * len(train)
    assert data.classes == CLASSES[name]


@pytest.mark.parametrize("damage", ["flip", "cut", "absent"])
@pytest.mark.parametrize("name", FILES)
def test_a_wrong_file_is_noticed(name: str, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(name, tmp_path, monkeypatch)
    folder = tmp_path / getattr(torchvision.datasets, cifar.CLASSES[name]).base_folder
    file = folder / FILES[name][0][-1]
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.unlink()
    if damage != "absent":
        file.write_bytes(data if damage == "flip" else data[:-1])
    with pytest.raises(UserError, match=rf"{file}: missing, or its MD5.*move the folder away.*dataset={name}"):
        read_cifar(name, tmp_path)
