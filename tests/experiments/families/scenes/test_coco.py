"""COCO's format: boxes, masks of three kinds, crowds, classes by category, and every fault in one line."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.scenes.data.coco import CocoSource
from experiments.families.scenes.data.load import load_scenes
from experiments.families.scenes.data.scene import UNLABELLED, Split
from tests.experiments.families.scenes.coco_folder import edit_json, write_coco

TRAIN, TEST = (f"annotations/instances_{split}.json" for split in ("train2017", "val2017"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_coco(tmp_path_factory.mktemp("data") / "coco")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / "coco")
    return tmp_path / "coco"


def source_of(folder: Path, *overrides: str, model: str = "mask_rcnn") -> CocoSource:
    config = compose_run(["dataset=coco", f"model={model}", *overrides])
    source = load_scenes(config.dataset, config.model, str(folder.parent))
    assert isinstance(source, CocoSource)
    return source


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools 2.0.11 with numpy 2
def test_boxes_and_masks_equal_pycocotools(folder: Path) -> None:
    from pycocotools.coco import COCO

    source = source_of(folder)
    splits: list[tuple[Split, str, int]] = [("train", TRAIN, 8), ("evaluation", TEST, 4)]
    for split, file, count in splits:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(folder / file))
        assert source.count(split) == count
        for index in range(count):
            scene = source.scene(split, index, True)
            known = coco.loadAnns(coco.getAnnIds(100 + index))
            assert scene.masks is not None
            assert scene.masks.tolist() == [coco.annToMask(one).tolist() for one in known]
            assert scene.labels.tolist() == [one["category_id"] for one in known]
            assert scene.crowd.tolist() == [bool(one["iscrowd"]) for one in known]
            x, y, w, h = numpy.array([one["bbox"] for one in known], float).T
            assert scene.boxes.tolist() == numpy.stack([x, y, x + w, y + h], 1).tolist()
            assert tuple(scene.image.shape) == (3, *scene.masks.shape[1:])
    crowds = [source.scene("evaluation", index, False).crowd.sum().item() for index in range(4)]
    assert sum(crowds) == 1


def test_a_class_is_its_categorys_id_or_counted(folder: Path, copy: Path) -> None:
    source = source_of(folder)
    assert (len(source.class_names), source.class_names[2], source.class_names[3]) == (17, "bicycle", "class 3")
    chosen = source_of(folder, "dataset.categories=[16,2]")
    assert chosen.class_names == ["background", "bird", "bicycle"]
    kinds = {
        kind for index in range(chosen.count("train")) for kind in chosen.scene("train", index, False).labels.tolist()
    }
    assert kinds == {1, 2}

    def from_zero(content: Any) -> None:
        for one in content["categories"]:
            one["id"] -= 2
        for one in content["annotations"]:
            one["category_id"] -= 2

    edit_json(copy / TRAIN, from_zero)
    edit_json(copy / TEST, from_zero)
    assert source_of(copy).class_names == ["background", "bicycle", "aeroplane", "bird"]


def test_training_leaves_out_crowds_empty_boxes_and_pictures_without_objects(copy: Path) -> None:
    def change(content: Any) -> None:
        first, *_ = (one for one in content["annotations"] if one["image_id"] == 101)
        first["iscrowd"] = 1
        x, y, _, h = first["bbox"]
        content["annotations"][-1]["bbox"] = [50, 50, 500, 500]  # leaves the picture
        content["annotations"].append(first | {"id": 999, "bbox": [x, y, 0, h], "iscrowd": 0})
        content["annotations"] = [one for one in content["annotations"] if one["image_id"] != 100]

    edit_json(copy / TRAIN, change)
    source = source_of(copy, model="retinanet")
    assert source.count("train") == 7
    assert len(source.scene("train", 0, False).labels) == 1  # one of two is a crowd, and one is empty
    last = source.scene("train", 6, False)
    assert last.boxes[-1].tolist() == [50, 50, last.image.shape[2], last.image.shape[1]]


def test_classes_of_pixels(folder: Path) -> None:
    """Of the one object there; where several overlap the pixel counts for nothing, as in torchvision's scripts."""
    source = source_of(folder, model="deeplab")
    overlaps = 0
    for index in range(8):
        picture = source.labelled("train", index)
        scene = source_of(folder).scene("train", index, True)
        assert scene.masks is not None
        covered = scene.masks.sum(0)
        assert (picture.classes[covered == 0] == 0).all()
        assert (picture.classes[covered > 1] == UNLABELLED).all()
        for mask, label in zip(scene.masks, scene.labels.tolist(), strict=True):
            assert (picture.classes[(mask > 0) & (covered == 1)] == label).all()
        overlaps += int((covered > 1).any())
    assert overlaps > 0


def test_segmentation_trains_where_the_objects_are_large_enough(folder: Path) -> None:
    assert source_of(folder, "dataset.train_area=0", model="deeplab").count("train") == 8
    assert 0 < source_of(folder, "dataset.train_area=600", model="deeplab").count("train") < 8
    with pytest.raises(UserError, match="no picture has an object to train on"):
        source_of(folder, "dataset.train_area=1e6", model="deeplab")


def test_held_out_pictures_are_not_trained_on(folder: Path) -> None:
    source = source_of(folder, "dataset.holdout=3", "dataset.train_size=4")
    assert (source.evaluated, source.count("train"), source.count("evaluation")) == ("holdout", 4, 3)
    images = [source.scene("train", index, False).image for index in range(4)]
    held = [source.scene("evaluation", index, False).image for index in range(3)]
    assert not any(one.shape == other.shape and torch.equal(one, other) for one in images for other in held)
    with pytest.raises(UserError, match=r"dataset\.holdout=8 dataset\.train_size=None: must together be at most 8"):
        source_of(folder, "dataset.holdout=8")


def test_the_fingerprint_covers_the_annotations(folder: Path, copy: Path) -> None:
    assert source_of(folder).fingerprint == source_of(copy).fingerprint
    edit_json(copy / TEST, lambda content: content["annotations"][0].update(bbox=[0, 0, 9, 9]))
    assert source_of(folder).fingerprint != source_of(copy).fingerprint


def first_annotation(**values: Any) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / TRAIN, lambda content: content["annotations"][0].update(values))


def clear(key: str) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / TRAIN, lambda content: content.update({key: []}))


def without(key: str) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / TRAIN, lambda content: content.pop(key))


def write(name: str, data: bytes) -> Callable[[Path], int]:
    return lambda folder: (folder / name).write_bytes(data)


def save_small(folder: Path) -> None:
    Image.new("RGB", (31, 17)).save(folder / "train2017" / "000002.jpg")


def cut(folder: Path) -> None:
    path = folder / "train2017" / "000003.jpg"
    path.write_bytes(path.read_bytes()[:400])


RLE = {"size": [10, 10], "counts": [0, 100]}
FAULTS: list[tuple[Callable[[Path], Any], str]] = [
    (lambda folder: (folder / TRAIN).unlink(), "instances_train2017.json: missing; dataset.folder lies below data_dir"),
    (write(TRAIN, b"{not json"), "not a file of COCO's instances format"),
    (write(TRAIN, b"[1, 2]"), "not a file of COCO's instances format"),
    (without("categories"), "not a file of COCO's instances format .*categories"),
    (clear("annotations"), "instances_train2017.json: it has no boxes, 0 annotations of 8 pictures"),
    (first_annotation(bbox=None), "annotation 1 has no box: bbox=None"),
    (first_annotation(bbox=[1, 2, 3, float("nan")]), "annotation 1 has no box"),
    (first_annotation(category_id=77), "annotation 1 has category_id=77, which is not among the categories"),
    (first_annotation(image_id=1), "annotation 1 is of picture 1, which is not among the images"),
    (
        first_annotation(segmentation=RLE),
        r"annotation 1 has a mask of size \[10, 10\], its picture is of size \[60, 80\]",
    ),
    (first_annotation(segmentation=[]), "annotation 1 has no mask"),
    (first_annotation(segmentation=[[1, 2, 3]]), "annotation 1 has no mask"),
    (lambda folder: (folder / "train2017" / "000004.jpg").unlink(), "train2017/000004.jpg: missing, but .* lists it"),
    (lambda folder: shutil.rmtree(folder / "val2017"), "val2017: no such folder"),
    (write("train2017/000001.jpg", b"GIF8 no picture"), "train2017/000001.jpg: not a readable picture"),
    (cut, "train2017/000003.jpg: not a readable picture"),
    (save_small, "train2017/000002.jpg: 17×31 pixels, its annotations are for 64×64"),
    (lambda f: edit_json(f / TEST, lambda c: c["categories"][0].update(name="car")), "its categories are not those of"),
    (lambda f: edit_json(f / TEST, lambda c: c.update(annotations=[])), "val2017.json: it has no boxes"),
]


@pytest.mark.parametrize(("damage", "words"), FAULTS)
def test_a_fault_is_named(copy: Path, damage: Callable[[Path], Any], words: str) -> None:
    damage(copy)
    with pytest.raises(UserError, match=words):
        source_of(copy)


def test_a_damaged_run_length_code_is_named(copy: Path) -> None:
    first_annotation(segmentation={"size": [60, 80], "counts": "garbage!!"})(copy)
    with pytest.raises(UserError, match=r"instances_train2017.json: 000000.jpg: a mask cannot be decoded"):
        source_of(copy).scene("train", 0, True)


def test_masks_are_not_needed_for_boxes(copy: Path) -> None:
    edit_json(copy / TRAIN, lambda content: [one.pop("segmentation") for one in content["annotations"]])
    assert source_of(copy, model="retinanet").count("train") == 8
    with pytest.raises(UserError, match="annotation 1 has no mask"):
        source_of(copy)


def test_an_unknown_category_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"dataset.categories=3: must be among the category ids of .*: 2, 5, 16"):
        source_of(folder, "dataset.categories=[3]")
