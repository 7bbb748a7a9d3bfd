"""Views of a picture: boxes and masks move with it, and a view follows from (seed, epoch, index)."""

from __future__ import annotations

import pytest
import torch

from experiments.families.scenes.data.composed import boxes_around
from experiments.families.scenes.data.scene import UNLABELLED, LabelledPicture, Scene
from experiments.families.scenes.data.views import (
    Draw,
    Views,
    draw_view,
    evaluation_view,
    resized_to,
    view_labelled,
    view_scene,
)

VIEWS = Views(range(64, 65), 1333, 0.5, None)


def scene() -> Scene:
    masks = torch.zeros(2, 40, 60, dtype=torch.uint8)
    masks[0, 4:20, 6:26] = masks[1, 20:40, 30:60] = 1
    image = (masks[0] * 200 + masks[1] * 90).expand(3, -1, -1).contiguous()
    return Scene(image, boxes_around(masks > 0), torch.tensor([1, 2]), torch.zeros(2, dtype=torch.bool), masks)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("side", [40, 80, 20])
def test_boxes_move_with_their_masks(side: int, mirrored: bool) -> None:
    seen = view_scene(scene(), VIEWS, Draw(side, mirrored, 0.0, 0.0))
    assert seen.masks is not None
    assert seen.image.shape[1:] == seen.masks.shape[1:] == (side, side * 3 // 2)
    torch.testing.assert_close(seen.boxes, boxes_around(seen.masks > 0))
    inside = seen.image[0][seen.masks[0] > 0].float()
    assert (inside > 150).float().mean() > 0.8


def test_a_view_that_changes_nothing_changes_no_bit() -> None:
    given = scene()
    seen = view_scene(given, VIEWS, Draw(40, False, 0.3, 0.3))
    assert torch.equal(seen.image, given.image)
    assert torch.equal(seen.boxes, given.boxes)
    assert seen.masks is not None
    assert given.masks is not None
    assert torch.equal(seen.masks, given.masks)


def test_the_longer_side_is_limited() -> None:
    assert resized_to(480, 640, 800, 1333) == (800, 1067)
    assert resized_to(400, 1000, 800, 1333) == (533, 1333)
    assert resized_to(1000, 400, 800, None) == (2000, 800)


def test_no_object_is_no_obstacle() -> None:
    given = scene()
    assert given.masks is not None
    nothing = Scene(given.image, given.boxes[:0], given.labels[:0], given.crowd[:0], given.masks[:0])
    seen = view_scene(nothing, VIEWS, Draw(80, True, 0.0, 0.0))
    assert seen.masks is not None
    assert seen.masks.shape == (0, 80, 120)
    assert seen.boxes.shape == (0, 4)


def labelled() -> LabelledPicture:
    classes = torch.arange(40, dtype=torch.uint8)[:, None].expand(40, 60)
    return LabelledPicture(classes.expand(3, -1, -1).contiguous(), classes.contiguous())


def test_a_square_is_cut_out_of_picture_and_classes_alike() -> None:
    views = Views(range(40, 41), None, 0.0, 16)
    for top, left in ((0.0, 0.0), (0.5, 0.2), (0.999, 0.999)):
        seen = view_labelled(labelled(), views, Draw(40, False, top, left))
        assert seen.image.shape == (3, 16, 16)
        assert torch.equal(seen.image[0], seen.classes)
        assert seen.classes[0, 0] == int(top * 25)


def test_what_lies_outside_is_black_and_unlabelled() -> None:
    seen = view_labelled(labelled(), Views(range(20, 21), None, 0.0, 24), Draw(20, True, 0.0, 0.0))
    assert seen.classes.shape == (24, 24)
    assert (seen.classes[20:] == UNLABELLED).all()
    assert (seen.image[:, 20:] == 0).all()
    assert (seen.classes[:20] != UNLABELLED).all()


def test_classes_are_never_mixed() -> None:
    """Between 0 and 39 lie all the others; nearest neighbours invent none."""
    stripes = LabelledPicture(torch.zeros(3, 40, 60, dtype=torch.uint8), (labelled().classes // 20) * 39)
    for side in (23, 40, 77):
        assert set(evaluation_view(stripes, side).classes.unique().tolist()) == {0, 39}


def test_a_view_is_addressed() -> None:
    views = Views(range(480, 801, 32), 1333, 0.5, None)
    draws = [draw_view(views, 0, 0, index) for index in range(300)]
    assert draws[7] == draw_view(views, 0, 0, 7)
    assert draws[7] != draw_view(views, 1, 0, 7)
    assert draws[7] != draw_view(views, 0, 1, 7)
    assert {draw.side for draw in draws} == set(range(480, 801, 32))
    assert 100 < sum(draw.mirrored for draw in draws) < 200
