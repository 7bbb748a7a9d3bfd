"""The list of picture files: what is found, when it is found anew, what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.families.images.data import picture_list
from experiments.families.images.data.picture_list import PictureSets, list_pictures
from experiments.families.images.data.prepare import prepare_pictures
from experiments.families.images.schema import PictureFolder
from tests.experiments.families.images.pictures import write_pictures


def read(tmp_path: Path) -> PictureSets:
    return list_pictures(tmp_path / "imagenet", tmp_path / "cache")


def test_files_and_labels_in_alphabetical_order(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3, {"train": 2, "val": 1})
    (tmp_path / "imagenet" / "train" / "n0" / "notes.txt").write_text("no picture")
    sets = read(tmp_path)
    assert [sets.train.path(index).relative_to(tmp_path / "imagenet").as_posix() for index in range(6)] == [
        f"train/n{label}/{number}.JPEG" for label in range(3) for number in range(2)
    ]
    assert sets.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert (len(sets.test), sets.classes) == (3, 3)


def test_the_list_is_kept_until_a_class_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pictures(tmp_path, 2)
    first = read(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(picture_list, "scan", None)
        assert read(tmp_path).fingerprint == first.fingerprint
    added = tmp_path / "imagenet" / "train" / "n1" / "new.png"
    added.write_bytes(b"x")
    os.utime(added.parent, ns=(1, 1))
    assert len(read(tmp_path).train) == len(first.train) + 1
    assert read(tmp_path).fingerprint != first.fingerprint


def test_a_damaged_list_is_made_again(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    first = read(tmp_path)
    (kept,) = (tmp_path / "cache").glob("*.pt")
    kept.write_bytes(kept.read_bytes()[:100])
    assert read(tmp_path).fingerprint == first.fingerprint


def test_a_test_folder_will_do(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    fingerprint = read(tmp_path).fingerprint
    (tmp_path / "imagenet" / "val").rename(tmp_path / "imagenet" / "test")
    assert read(tmp_path).fingerprint == fingerprint


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("train", r"imagenet: must have train/<class>/\* and val/<class>/\*, .*prepare_data\.py"),
        ("val", "has train/ but neither val/ nor test/"),
        ("val/n1", "must have the same classes; only one has n1"),
        ("train/n0/*", r"train/n0: has no picture \(\.bmp, "),
        ("train/*", "train: must have a folder of pictures for each class"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, damage: str, message: str) -> None:
    write_pictures(tmp_path, 2)
    for path in list((tmp_path / "imagenet").glob(damage)):
        path.rename(tmp_path / f"away-{path.name}")
    with pytest.raises(UserError, match=message):
        read(tmp_path)


def test_prepare_reads_every_picture(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    dataset = PictureFolder(name="imagenet", title="", source="imagenet", folder="imagenet")
    said = prepare_pictures(dataset, str(tmp_path), str(tmp_path / "cache"))
    assert said.startswith("imagenet: 24 training and 10 test pictures, all readable, 2 classes, fingerprint ")
    (tmp_path / "imagenet" / "val" / "n1" / "2.JPEG").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"val/n1/2\.JPEG: not a readable picture"):
        prepare_pictures(dataset, str(tmp_path), str(tmp_path / "cache"))
