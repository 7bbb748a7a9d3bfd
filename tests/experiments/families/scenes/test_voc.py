"""PASCAL VOC's layout: a class for every pixel, and every fault in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.scenes.data.load import load_scenes
from experiments.families.scenes.data.voc import VocSource
from tests.experiments.families.scenes.coco_folder import write_voc

LIST = "ImageSets/Segmentation/train.txt"
MASK = "SegmentationClass/2012_000001.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_voc(tmp_path_factory.mktemp("data") / "voc")


def source_of(folder: Path, *overrides: str) -> VocSource:
    config = compose_run(["dataset=voc", "model=deeplab", "dataset.folder=voc", "dataset.classes=3", *overrides])
    source = load_scenes(config.dataset, config.model, str(folder.parent))
    assert isinstance(source, VocSource)
    return source


def test_pictures_and_classes(folder: Path) -> None:
    source = source_of(folder)
    assert (source.count("train"), source.count("evaluation"), source.evaluated) == (6, 3, "test")
    picture = source.labelled("train", 1)
    assert (picture.classes.numpy() == numpy.array(Image.open(folder / MASK))).all()
    assert picture.image.shape == (3, 72, 64)
    assert {0, 255} < set(picture.classes.unique().tolist()) <= {0, 1, 2, 255}
    assert source_of(folder, "dataset.holdout=2").count("train") == 4


def test_twenty_one_classes_have_names(folder: Path) -> None:
    assert source_of(folder, "dataset.classes=21").class_names[:3] == ["background", "aeroplane", "bicycle"]
    assert len(source_of(folder, "dataset.classes=21").class_names) == 21


def test_the_fingerprint_covers_the_classes(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "voc")
    assert source_of(folder).fingerprint == source_of(tmp_path / "voc").fingerprint
    with Image.open(tmp_path / "voc" / MASK) as mask:
        mask.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "voc" / MASK)
    assert source_of(folder).fingerprint != source_of(tmp_path / "voc").fingerprint


def smaller(folder: Path) -> None:
    with Image.open(folder / MASK) as mask:
        mask.resize((32, 40), Image.Resampling.NEAREST).save(folder / MASK)


def in_colour(folder: Path) -> None:
    with Image.open(folder / MASK) as mask:
        mask.convert("RGB").save(folder / MASK)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (smaller, r"2012_000001.png: it and its picture differ in size, 40×32 and 72×64 \(height × width\)"),
        (in_colour, "2012_000001.png: not a readable picture .*mode RGB"),
        (lambda f: (f / MASK).unlink(), "2012_000001.png: missing, but .*train.txt names it"),
        (lambda f: (f / LIST).unlink(), "train.txt: No such file or directory; dataset.folder lies below data_dir"),
        (lambda f: (f / LIST).write_text(" "), "train.txt: it names no picture"),
        (lambda f: (f / "JPEGImages/2012_000000.jpg").write_bytes(b"x"), "2012_000000.jpg: not a readable picture"),
    ],
)
def test_a_fault_is_named(folder: Path, tmp_path: Path, damage: Callable[[Path], Any], words: str) -> None:
    shutil.copytree(folder, tmp_path / "voc")
    damage(tmp_path / "voc")
    with pytest.raises(UserError, match=words):
        source_of(tmp_path / "voc")


def test_a_class_too_many_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"class 2; classes must be below dataset\.classes=2, or 255 for none"):
        source_of(folder, "dataset.classes=2")
