"""mAP equals pycocotools' and mIoU follows from scikit-learn's confusion matrix."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy
import pytest
import torch
from sklearn.metrics import confusion_matrix as sklearn_confusion

from experiments.families.scenes.average_precision import AveragePrecision
from experiments.families.scenes.confusion import confusion_matrix, mean_iou, pixel_accuracy
from experiments.families.scenes.data.scene import UNLABELLED, Scene

SIDE = 48


def rectangles(count: int, draw: numpy.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes [n, 4] and masks [n, H, W] that fill them but for a corner."""
    corner = draw.integers(0, SIDE - 12, (count, 2))
    boxes = torch.tensor(numpy.concatenate([corner, corner + draw.integers(6, 12, (count, 2))], 1)).float()
    masks = torch.zeros(count, SIDE, SIDE, dtype=torch.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes.int().tolist(), strict=True):
        mask[top:bottom, left:right] = 1
        mask[top : top + 2, left : left + 2] = 0
    return boxes, masks


def cases(pictures: int = 12) -> tuple[list[Scene], list[dict[str, torch.Tensor]]]:
    """Truth and predictions: some right, some shifted, some of the wrong class, some missed, some invented."""
    draw = numpy.random.default_rng(0)
    scenes, predictions = [], []
    for number in range(pictures):
        count = int(draw.integers(1, 6))
        boxes, masks = rectangles(count, draw)
        labels = torch.tensor(draw.integers(1, 4, count))
        crowd = torch.zeros(count, dtype=torch.bool)
        crowd[0] = number % 4 == 3
        image = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)
        scenes.append(Scene(image, boxes, labels, crowd, masks))
        found = [k for k in range(count) if draw.random() < 0.8]
        shifts = draw.integers(-1, 3, (len(found), 2))
        moved = [torch.roll(masks[k], tuple(shift[::-1]), (0, 1)) for k, shift in zip(found, shifts, strict=True)]
        extra_boxes, extra_masks = rectangles(2, draw)
        shifted = boxes[found] + torch.tensor(numpy.concatenate([shifts, shifts], 1)).float()
        kinds = torch.where(torch.tensor(draw.random(len(found))) < 0.8, labels[found], 1 + labels[found] % 3)
        predictions.append(
            {
                "boxes": torch.cat([shifted, extra_boxes]),
                "labels": torch.cat([kinds, torch.tensor(draw.integers(1, 4, 2))]),
                "scores": torch.tensor(draw.permutation(len(found) + 2) + draw.random()).float() / 10,
                "masks": torch.stack([*moved, *extra_masks])[:, None].float(),
            }
        )
    return scenes, predictions


def by_pycocotools(scenes: list[Scene], predictions: list[dict[str, torch.Tensor]], kind: str) -> Any:
    from pycocotools import mask as codes
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def packed(mask: torch.Tensor) -> Any:
        return codes.encode(numpy.asfortranarray(mask.byte().numpy()))

    def shape(box: torch.Tensor) -> list[float]:
        left, top, right, bottom = box.tolist()
        return [left, top, right - left, bottom - top]

    truth, found = [], []
    for number, (scene, prediction) in enumerate(zip(scenes, predictions, strict=True)):
        assert scene.masks is not None
        for box, label, crowd, mask in zip(scene.boxes, scene.labels, scene.crowd, scene.masks, strict=True):
            area = float(mask.sum()) if kind == "segm" else float((box[2] - box[0]) * (box[3] - box[1]))
            one = {"image_id": number, "id": len(truth) + 1, "bbox": shape(box), "segmentation": packed(mask)}
            truth.append(one | {"category_id": int(label), "iscrowd": int(crowd), "area": area})
        for box, label, score, mask in zip(
            *(prediction[k] for k in ("boxes", "labels", "scores", "masks")), strict=True
        ):
            one = {"image_id": number, "category_id": int(label), "score": float(score)}
            found.append(one | ({"segmentation": packed(mask[0])} if kind == "segm" else {"bbox": shape(box)}))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        images = [{"id": number, "height": SIDE, "width": SIDE} for number in range(len(scenes))]
        coco.dataset = {"images": images, "annotations": truth, "categories": [{"id": k} for k in (1, 2, 3)]}
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def test_equal_to_pycocotools() -> None:
    scenes, predictions = cases()
    scorer = AveragePrecision(with_masks=True)
    scorer.add(predictions[:5], scenes[:5])
    scorer.add(predictions[5:], scenes[5:])
    result = scorer.result()
    for kind, name in (("bbox", "box"), ("segm", "mask")):
        expected = by_pycocotools(scenes, predictions, kind)
        assert 5 < 100 * expected[0] < 95
        assert result[f"{name}_map"] == pytest.approx(100 * expected[0], abs=1e-4)
        assert result[f"{name}_map50"] == pytest.approx(100 * expected[1], abs=1e-4)


def test_boxes_alone() -> None:
    scenes, predictions = cases()
    scorer = AveragePrecision(with_masks=False)
    scorer.add(predictions, scenes)
    assert scorer.result()["box_map"] == pytest.approx(100 * by_pycocotools(scenes, predictions, "bbox")[0], abs=1e-4)
    assert set(scorer.result()) == {"box_map", "box_map50"}


def test_no_prediction_is_zero() -> None:
    scenes, predictions = cases(2)
    scorer = AveragePrecision(with_masks=False)
    scorer.add([{key: value[:0] for key, value in one.items()} for one in predictions], scenes)
    assert scorer.result() == {"box_map": 0.0, "box_map50": 0.0}


def test_perfect_predictions_are_a_hundred() -> None:
    scenes, _ = cases(6)
    plain = [Scene(s.image, s.boxes, s.labels, torch.zeros_like(s.crowd), s.masks) for s in scenes]
    perfect = [{"boxes": s.boxes, "labels": s.labels, "scores": torch.ones(len(s.labels))} for s in plain]
    scorer = AveragePrecision(with_masks=False)
    scorer.add(perfect, plain)
    assert scorer.result()["box_map"] == pytest.approx(100.0, abs=1e-4)


def test_mean_iou_from_scikit_learns_confusion_matrix() -> None:
    draw = torch.Generator().manual_seed(0)
    true = torch.randint(6, (3, 20, 30), generator=draw).byte()
    predicted = torch.where(torch.rand(true.shape, generator=draw) < 0.6, true.long(), torch.randint(6, true.shape))
    predicted[predicted == 4] = 5
    true[true == 4] = 3  # class 4 is nowhere
    true[:, :4] = UNLABELLED
    counted = true != UNLABELLED
    known, guessed = true[counted].numpy(), predicted[counted].numpy()
    expected = sklearn_confusion(known, guessed, labels=range(6))
    ours = confusion_matrix(true, predicted, 6)
    assert (ours.numpy() == expected).all()
    union = expected.sum(0) + expected.sum(1) - expected.diagonal()
    there = union > 0
    assert there.tolist() == [True, True, True, True, False, True]
    ious = expected.diagonal()[there] / union[there]
    assert mean_iou(ours) == pytest.approx(100 * ious.mean(), abs=1e-9)
    assert pixel_accuracy(ours) == pytest.approx(100 * (known == guessed).mean(), abs=1e-9)
