"""Composed scenes: a function of their number, true to their boxes and masks, and no sprite in two parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.scenes.data import sprites
from experiments.families.scenes.data.compose import DARK, SOLID, Rules, compose_scene
from experiments.families.scenes.data.composed import ComposedSource, boxes_around
from experiments.families.scenes.data.sprites import Part, read_sprites
from experiments.families.scenes.schema import ComposedScenes

RULES = Rules(64, (1, 4), (16, 32), 4)


def scenes_of(*overrides: str) -> ComposedSource:
    line = ["dataset=scenes", "dataset.sprites=[digits]", "dataset.train_size=30", "dataset.test_size=20", *overrides]
    config = compose_run([*line, "model=retinanet"])
    assert isinstance(config.dataset, ComposedScenes)
    return ComposedSource(config.dataset, "nowhere")


def test_a_scene_does_not_depend_on_how_many_there_are() -> None:
    few, many = scenes_of("dataset.train_size=5"), scenes_of("dataset.train_size=31")
    for index in (0, 4):
        one, other = few.scene("train", index, True), many.scene("train", index, True)
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.boxes, other.boxes)
        assert one.masks is not None
        assert other.masks is not None
        assert torch.equal(one.masks, other.masks)
    assert few.fingerprint != many.fingerprint
    assert scenes_of().fingerprint == scenes_of().fingerprint


def test_the_global_stream_is_left_alone() -> None:
    before = torch.get_rng_state()
    scenes_of("dataset.train_size=7")
    assert torch.equal(torch.get_rng_state(), before)


def test_boxes_and_masks_are_those_of_the_objects_that_are_seen() -> None:
    source = scenes_of()
    for index in range(30):
        scene, picture = source.scene("train", index, True), source.labelled("train", index)
        assert scene.masks is not None
        assert 1 <= len(scene.labels) <= 4
        assert scene.masks.sum(0).max() <= 1  # one owner a pixel
        for box, label, mask in zip(scene.boxes.int().tolist(), scene.labels.tolist(), scene.masks, strict=True):
            left, top, right, bottom = box
            assert mask[top:bottom, left:right].sum() == mask.sum() > 0
            assert mask[top].any()
            assert mask[bottom - 1].any()
            assert mask[:, left].any()
            assert mask[:, right - 1].any()
            assert (picture.classes[mask > 0] == label).all()
        assert (picture.classes[scene.masks.sum(0) == 0] == 0).all()


def test_at_least_half_of_every_object_is_seen() -> None:
    """The pixels of its sprite that no other hides: every object alone, composed again, has at most twice as many."""
    sets = [read_sprites("digits", "train", 1, "")]
    crowded = Rules(40, (4, 4), (24, 32), 0)
    overlapping = 0
    for index in range(40):
        scene = compose_scene(sets, crowded, "train", index)
        seen = numpy.bincount(scene.owners.ravel(), minlength=len(scene.classes) + 1)[1:]
        smallest = min(int((numpy.asarray(picture) >= SOLID).sum()) for picture in sets[0].pictures)
        assert (seen >= smallest * (24 / 8) ** 2 / 4).all()
        overlapping += len(scene.classes) > 1
    assert overlapping > 20


def test_no_sprite_is_in_two_parts() -> None:
    parts: list[Part] = ["train", "holdout", "test"]
    found = {part: {picture.tobytes() for picture in read_sprites("digits", part, 1, "").pictures} for part in parts}
    assert not found["train"] & found["test"]
    assert not found["train"] & found["holdout"]
    assert not found["holdout"] & found["test"]
    assert len(found["holdout"]) == 1437 // sprites.HELD_OUT


def test_holdout_changes_what_is_evaluated_and_not_what_is_trained() -> None:
    plain, held = scenes_of(), scenes_of("dataset.holdout=12")
    assert (plain.evaluated, held.evaluated, held.count("evaluation")) == ("test", "holdout", 12)
    assert torch.equal(plain.scene("train", 3, False).image, held.scene("train", 3, False).image)
    assert not torch.equal(plain.scene("evaluation", 3, False).image, held.scene("evaluation", 3, False).image)


def test_clutter_and_scale() -> None:
    """Without clutter the pixels around the objects are the background alone."""
    sets = [read_sprites("digits", "train", 1, "")]
    clean = compose_scene(sets, Rules(64, (1, 1), (20, 20), 0), "train", 1)
    cluttered = compose_scene(sets, Rules(64, (1, 1), (20, 20), 8), "train", 1)
    outside = clean.image.reshape(-1, 3)[clean.owners.ravel() == 0]
    colours, counts = numpy.unique(outside, axis=0, return_counts=True)
    assert (colours[counts.argmax()] < DARK).all()
    assert counts.max() > 64 * 64 - 400
    assert len(numpy.unique(cluttered.image.reshape(-1, 3), axis=0)) > len(
        numpy.unique(clean.image.reshape(-1, 3), axis=0)
    )
    large = compose_scene(sets, Rules(64, (1, 1), (48, 48), 0), "train", 1)
    assert (large.owners > 0).sum() > 3 * (clean.owners > 0).sum()


def test_several_sets_have_classes_of_their_own() -> None:
    assert sprites.class_names(["mnist", "fashion_mnist"])[10:13] == ["9", "T-shirt", "trousers"]
    sets = [read_sprites("digits", "train", first, "") for first in (1, 11)]
    classes = {kind for index in range(60) for kind in compose_scene(sets, RULES, "train", index).classes}
    assert min(classes) <= 10 < max(classes) <= 20


def test_boxes_around_single_pixels() -> None:
    masks = torch.zeros(2, 5, 7, dtype=torch.bool)
    masks[0, 2, 3] = masks[1, 0, 0] = masks[1, 4, 6] = True
    assert boxes_around(masks).tolist() == [[3, 2, 4, 3], [0, 0, 7, 5]]


def test_without_fashion_mnist_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str, data_dir: Any) -> None:
        raise UserError("train-images-idx3-ubyte.gz: missing, and the download failed")

    monkeypatch.setattr(sprites, "read_mnist", missing)
    with pytest.raises(UserError, match=r"missing.*or leave fashion_mnist out of dataset\.sprites"):
        read_sprites("fashion_mnist", "train", 1, str(tmp_path))


@pytest.mark.data
def test_digits_of_mnist_alone(real_data: Path) -> None:
    config = compose_run(["dataset=scenes_digits", "dataset.train_size=20", "dataset.test_size=5", "model=deeplab"])
    assert isinstance(config.dataset, ComposedScenes)
    source = ComposedSource(config.dataset, str(real_data))
    assert source.class_names == ["background", *map(str, range(10))]
    assert source.scene("train", 0, False).image.shape == (3, 64, 64)
