"""Detection and instance segmentation: boxes, and masks where the network predicts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from experiments.config.schema import Config
from experiments.families.scenes.average_precision import AveragePrecision
from experiments.families.scenes.data.scene import Scene, SceneSource
from experiments.families.scenes.data.views import Draw, view_scene
from experiments.families.scenes.sampling import address_samplers, computing_losses
from experiments.families.scenes.schema import MaskRCNNModel, RetinaNetModel
from experiments.families.scenes.task import SceneBatch, SceneTask
from experiments.processes import Processes


class DetectionTask(SceneTask):
    """The sum of the detector's own losses. A target has boxes, labels and, for Mask R-CNN, masks."""

    libraries = ("torchvision", "torchmetrics", "faster-coco-eval")

    def __init__(self, config: Config, source: SceneSource, device: torch.device, processes: Processes) -> None:
        self.with_masks = isinstance(config.model, MaskRCNNModel)
        self.samples = not isinstance(config.model, RetinaNetModel)  # which anchors and boxes count, at random
        super().__init__(config, source, device, processes)
        self.samplers = address_samplers(self.model)

    def splits_exactly(self) -> bool:
        return not self.samples

    def make(self, index: int, view: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        scene = view_scene(self.source.scene("train", index, self.with_masks), self.views, view)
        return scene.image, target_of(scene)

    def parts(self, batch: SceneBatch) -> Iterator[tuple[SceneBatch, float]]:
        """Weighted by pictures. That is exact for RetinaNet, whose loss is a mean over pictures. The losses of the
        R-CNNs are means over sampled anchors and boxes; a picture with few of them weighs more in a part than in the
        whole batch."""
        for part in self.cut(batch):
            yield part, len(part.images) / self.recipe.batch_size

    def loss(self, batch: SceneBatch) -> Tensor:
        """The sum of the losses for classes, boxes, masks and proposals, as far as the detector has them."""
        for sampler in self.samplers:
            sampler.numbers = batch.numbers
        images = [self.observable(image) for image in scaled(batch.images)]
        with computing_losses(self.model):
            losses: dict[str, Tensor] = self.model(images, batch.targets)
        return torch.stack(list(losses.values())).sum()

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """COCO's mAP and, of a RetinaNet on pictures of one size, its loss. The R-CNNs' loss depends on a sample."""
        self.model.eval()
        scorer, with_loss = AveragePrecision(self.with_masks), self.source.uniform and not self.samples
        loss_sum = 0.0
        for scenes in self.read(self.read_scenes, range(len(self.evaluated_at_once()))):
            images = [scene.image.to(self.device) for scene in scenes]
            scorer.add(self.model(scaled(images)), scenes)
            if with_loss:
                whole = SceneBatch(images, [target_of(scene) for scene in scenes], [0] * len(scenes)).to(self.device)
                loss_sum += self.loss(whole).item() * len(scenes)
        self.model.train()
        found = scorer.result()
        if with_loss:
            found["detection_loss"] = loss_sum / self.source.count("evaluation")
        return {f"{self.evaluated}_{key}": value for key, value in found.items()} | self.composed()

    def read_scenes(self, number: int) -> list[Scene]:
        """The pictures that are evaluated together as the ``number``-th."""
        chosen = self.evaluated_at_once()[number]
        return [self.source.scene("evaluation", index, self.with_masks) for index in chosen]


def target_of(scene: Scene) -> dict[str, Tensor]:
    """What torchvision's detectors are trained with."""
    known = {"boxes": scene.boxes, "labels": scene.labels}
    return known if scene.masks is None else known | {"masks": scene.masks}


def scaled(images: Sequence[Tensor]) -> list[Tensor]:
    """From 0 to 1, as torchvision's detectors take pictures; they normalise them by ImageNet's statistics."""
    return [image.float() / 255 for image in images]
