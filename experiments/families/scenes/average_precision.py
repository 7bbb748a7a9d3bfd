"""COCO's mean average precision, by torchmetrics on faster-coco-eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy
from torch import Tensor

from experiments.families.scenes.data.scene import Scene

# boxes [n, 4], labels [n], scores [n] and, for Mask R-CNN, masks [n, 1, H, W] in [0, 1]
Prediction = Mapping[str, Tensor]
# COCO's values. torchmetrics' own are float32, so an IoU of exactly 0.6 would be below its 0.6000000238.
IOUS = numpy.linspace(0.5, 0.95, 10).tolist()
RECALLS = numpy.linspace(0.0, 1.0, 101).tolist()
THRESHOLD = 0.5  # pixels from this value on belong to a predicted mask


class AveragePrecision:
    """Mean over classes and over IoU 0.50, 0.55 … 0.95, with at most 100 predictions a picture; also at IoU 0.5."""

    def __init__(self, with_masks: bool) -> None:
        from torchmetrics.detection import MeanAveragePrecision

        self.kinds: dict[str, Literal["bbox", "segm"]] = {"box": "bbox"}
        if with_masks:
            self.kinds["mask"] = "segm"
        self.metric = MeanAveragePrecision(
            iou_type=tuple(self.kinds.values()),
            iou_thresholds=IOUS,
            rec_thresholds=RECALLS,
            backend="faster_coco_eval",
            sync_on_compute=False,  # the task itself collects the pictures of all processes
        )
        self.metric.warn_on_many_detections = False

    def add(self, predictions: Sequence[Prediction], scenes: Sequence[Scene]) -> None:
        self.metric.update([self.predicted(one) for one in predictions], [self.true(scene) for scene in scenes])

    def predicted(self, one: Prediction) -> dict[str, Tensor]:
        found = {"boxes": one["boxes"].float().cpu(), "scores": one["scores"].float().cpu()}
        found["labels"] = one["labels"].cpu()
        return found | ({"masks": one["masks"][:, 0].cpu() >= THRESHOLD} if "mask" in self.kinds else {})

    def true(self, scene: Scene) -> dict[str, Tensor]:
        found = {"boxes": scene.boxes, "labels": scene.labels, "iscrowd": scene.crowd.long()}
        if "mask" in self.kinds:
            assert scene.masks is not None
            found["masks"] = scene.masks.bool()
        return found

    def pictures(self) -> list[dict[str, Any]]:
        """The added predictions and targets, picture by picture."""
        columns = {name: values for name, values in self.metric.metric_state.items() if values}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def take(self, pictures: Sequence[Mapping[str, Any]]) -> None:
        """Replace what was added by ``pictures``, of this process and of others."""
        for name in pictures[0]:
            setattr(self.metric, name, [picture[name] for picture in pictures])

    def result(self) -> dict[str, float]:
        """``box_map``, ``box_map50`` and, with masks, ``mask_map``, ``mask_map50``, in percent."""
        found = self.metric.compute()
        percent = {}
        for kind, name in self.kinds.items():
            before = f"{name}_" if len(self.kinds) > 1 else ""
            percent[f"{kind}_map"] = 100 * found[f"{before}map"].item()
            percent[f"{kind}_map50"] = 100 * found[f"{before}map_50"].item()
        return percent
