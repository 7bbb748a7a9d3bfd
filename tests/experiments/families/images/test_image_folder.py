"""Pictures from a folder or an archive: the same tensors, decoded once, damage noticed by name."""

from __future__ import annotations

import io
import multiprocessing
import random
import tarfile
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from experiments.errors import UserError
from experiments.families.images.data import image_folder
from experiments.families.images.data.image_folder import read_image_folder
from experiments.families.images.data.images import ImageData

CLASSES = ("cat", "dog", "emu")


def picture(number: int, size: int = 8) -> Image.Image:
    draw = random.Random(number)
    return Image.frombytes("RGB", (size, size), draw.randbytes(3 * size * size))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two training pictures and a test picture of each class, PNG and so without loss; and a file that is none."""
    root = tmp_path / "data" / "pets"
    for index, label in enumerate(CLASSES):
        for split, count in (("train", 2), ("test", 1)):
            (root / split / label).mkdir(parents=True)
            for number in range(count):
                picture(100 * index + 10 * count + number).save(root / split / label / f"{number}.png")
    (root / "train" / "cat" / "notes.txt").write_text("no picture")
    return root


@pytest.fixture
def archive(folder: Path) -> Path:
    """The same pictures in one archive, in another order."""
    place = folder.parent / "packed" / "packed.tar.xz"
    place.parent.mkdir()
    with tarfile.open(place, "w:xz") as tar:
        for path in sorted((p for p in folder.rglob("*") if p.is_file()), reverse=True):
            tar.add(path, path.relative_to(folder))
    return place


def read(folder: Path, tmp_path: Path, size: int = 8) -> ImageData:
    return read_image_folder(folder, size, tmp_path / "cache")


def test_pixels_labels_and_order(folder: Path, tmp_path: Path) -> None:
    data = read(folder, tmp_path)
    assert data.train_y.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.test_y.tolist() == [0, 1, 2]
    pixels = list(picture(100 * 1 + 20 + 1).tobytes())  # the second training picture of the second class
    assert data.train_x[3].permute(1, 2, 0).flatten().tolist() == pixels


def test_folder_and_archive_give_the_same(folder: Path, archive: Path, tmp_path: Path) -> None:
    assert read(folder, tmp_path).fingerprint() == read(archive.parent, tmp_path).fingerprint()


def test_pictures_are_resized(folder: Path, tmp_path: Path) -> None:
    assert read(folder, tmp_path, 5).train_x.shape == (6, 3, 5, 5)


def test_decoded_once_then_read_from_the_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = read(folder, tmp_path)
    monkeypatch.setattr(image_folder, "decode", pytest.fail)
    assert read(folder, tmp_path).fingerprint() == first.fingerprint()
    assert capsys.readouterr().err == ""


def test_a_changed_picture_is_decoded_again(folder: Path, tmp_path: Path) -> None:
    first = read(folder, tmp_path)
    picture(999).save(folder / "train" / "dog" / "0.png")
    assert not torch.equal(read(folder, tmp_path).train_x[2], first.train_x[2])


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_cache_is_noticed_and_replaced(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    first = read(folder, tmp_path)
    (cache,) = (tmp_path / "cache").glob("*.pt")
    sound = cache.read_bytes()
    position = sound.index(first.train_x.numpy().tobytes()) + 5
    flipped = sound[:position] + bytes([sound[position] ^ 1]) + sound[position + 1 :]
    cache.write_bytes({"cut": sound[:-100], "flip": flipped, "empty": b""}[damage])
    assert read(folder, tmp_path).fingerprint() == first.fingerprint()
    assert capsys.readouterr().err == f"warning: {cache} is damaged; decoding the images again\n"
    read(folder, tmp_path)
    assert capsys.readouterr().err == ""


def test_without_a_place_for_the_cache(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert len(read(folder, tmp_path).train_y) == 6
    assert "warning: cannot cache the decoded images" in capsys.readouterr().err


def decode_slowly(folder: Path, cache: Path, count: Path) -> None:
    original = image_folder.decode

    def decode(*arguments: object) -> ImageData:
        with open(count, "a") as file:
            file.write("x")
        time.sleep(0.3)
        return original(*arguments)  # type: ignore[arg-type]

    image_folder.decode = decode  # type: ignore[assignment]
    read_image_folder(folder, 8, cache)


def test_of_many_processes_one_decodes(folder: Path, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    arguments = (folder, tmp_path / "cache", tmp_path / "count")
    processes = [fork.Process(target=decode_slowly, args=arguments) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8
    assert (tmp_path / "count").read_text() == "x"


@pytest.mark.parametrize("keep", [0, 20, -40, -1])
def test_a_damaged_picture_is_named(folder: Path, tmp_path: Path, keep: int) -> None:
    """A PNG file cut within its header, its pixels or its end; Pillow forgives a missing end marker alone."""
    path = folder / "test" / "emu" / "0.png"
    path.write_bytes(path.read_bytes()[:keep] if keep != -1 else b"GIF89a" + bytes(10))
    with pytest.raises(UserError, match=r"pets: test/emu/0\.png: not a readable picture"):
        read(folder, tmp_path)
    assert not list((tmp_path / "cache").glob("*.pt"))


@pytest.mark.parametrize("mode", ["I;16", "F"])
def test_more_than_8_bits_a_channel_are_refused(folder: Path, tmp_path: Path, mode: str) -> None:
    """Pillow would cut them off at 255."""
    Image.new(mode, (8, 8)).save(folder / "test" / "emu" / "1.tif")
    with pytest.raises(UserError, match=r"pets: test/emu/1\.tif: not a readable picture \(more than 8 bits a channel"):
        read(folder, tmp_path)


@pytest.mark.parametrize("suffix", ["xz", "gz", "bz2", ""])
def test_an_archive_cut_anywhere_is_an_error(folder: Path, tmp_path: Path, suffix: str) -> None:
    """Unless every picture is before the cut: then all are read."""
    place = tmp_path / "packed" / f"packed.tar{suffix and '.'}{suffix}"
    place.parent.mkdir()
    with tarfile.open(place, f"w:{suffix}") as tar:
        tar.add(folder, "")
    data, whole = place.read_bytes(), read(place.parent, tmp_path).fingerprint()
    messages = []
    for length in [0, 1, 7, *range(20, len(data), len(data) // 60), len(data) - 1]:
        place.write_bytes(data[:length])
        try:
            assert read(place.parent, tmp_path).fingerprint() == whole, length
        except UserError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert all(place.name in message for message in messages)


def test_a_class_missing_from_one_split(folder: Path, tmp_path: Path) -> None:
    (folder / "test" / "dog" / "0.png").unlink()
    with pytest.raises(UserError, match=r"test/dog: a class without a picture"):
        read(folder, tmp_path)
    (folder / "test" / "dog").rmdir()
    with pytest.raises(UserError, match=r"test/ has classes \['cat', 'emu'\], train/ has \['cat', 'dog', 'emu'\]"):
        read(folder, tmp_path)


@pytest.mark.data
@pytest.mark.slow
def test_the_jpeg_copy_of_cifar10(real_data: Path, tmp_path: Path) -> None:
    """All 60,000 images with their split, and the second time from the cache."""
    data = read_image_folder(real_data / "cifar10_jpeg", 32, tmp_path)
    assert data.train_x.shape == (50000, 3, 32, 32)
    assert torch.bincount(data.train_y).tolist() == [5000] * 10
    assert torch.bincount(data.test_y).tolist() == [1000] * 10
    mean, _ = data.statistics("dataset")
    torch.testing.assert_close(mean, torch.tensor([0.4914, 0.4822, 0.4465]), atol=2e-3, rtol=0)  # CIFAR-10's
    started = time.monotonic()
    again = read_image_folder(real_data / "cifar10_jpeg", 32, tmp_path)
    assert time.monotonic() - started < 10
    assert again.fingerprint() == data.fingerprint()


@pytest.mark.data
def test_some_pictures_of_the_jpeg_copy(real_data: Path, tmp_path: Path) -> None:
    """The first hundred of the archive, from an archive and from a folder."""
    folder, packed = tmp_path / "folder", tmp_path / "packed"
    packed.mkdir()
    with (
        tarfile.open(next((real_data / "cifar10_jpeg").glob("*.tar*"))) as source,
        tarfile.open(packed / "some.tar", "w") as target,
    ):
        members = (member for member in source if member.isfile())
        for number in range(100):
            member = next(members)
            file = source.extractfile(member)
            assert file is not None
            content = file.read()
            for split in ("train", "test"):
                member.name = f"{split}/{number % 10}/{number}.jpg"
                target.addfile(member, io.BytesIO(content))
                (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
                (folder / member.name).write_bytes(content)
    assert read(packed, tmp_path, 32).fingerprint() == read(folder, tmp_path, 32).fingerprint()
