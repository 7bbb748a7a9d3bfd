"""Detection and instance segmentation: boxes, and masks where the network predicts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from experiments.config.schema import Config
from experiments.families.scenes.average_precision import AveragePrecision
from experiments.families.scenes.data.scene import Scene, SceneSource
from experiments.families.scenes.data.views import Draw, view_scene
from experiments.families.scenes.padding import PaddedTransform, padded_to
from experiments.families.scenes.sampling import address_samplers, computing_losses
from experiments.families.scenes.schema import MaskRCNNModel, RetinaNetModel
from experiments.families.scenes.task import SceneBatch, SceneTask
from experiments.processes import Processes


class DetectionTask(SceneTask):
    """The sum of the detector's own losses. A target has boxes, labels and, for Mask R-CNN, masks."""

    libraries = ("torchvision", "torchmetrics", "faster-coco-eval")

    def __init__(self, config: Config, source: SceneSource, device: torch.device, processes: Processes) -> None:
        self.with_masks = isinstance(config.model, MaskRCNNModel)
        self.samples = not isinstance(config.model, RetinaNetModel)  # whether the loss samples anchors and boxes
        super().__init__(config, source, device, processes)
        self.samplers = address_samplers(self.model)
        if not self.share.whole:
            self.model.transform = PaddedTransform(self.model.transform)

    def splits_exactly(self) -> bool:
        return not self.samples

    def make(self, index: int, view: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        scene = view_scene(self.source.scene("train", index, self.with_masks), self.views, view)
        return scene.image, target_of(scene)

    def parts(self, batch: SceneBatch) -> Iterator[tuple[SceneBatch, float]]:
        """Parts weighted by their number of pictures.

        This is exact for RetinaNet, whose loss is a mean over pictures. The losses of the R-CNNs are means over sampled
        anchors and boxes. So a picture with few of them weighs more in a part than in the whole batch.
        """
        for part in self.cut(batch):
            yield part, len(part.images) / self.recipe.batch_size

    def loss(self, batch: SceneBatch) -> Tensor:
        """The sum of the detector's losses for classes, boxes, masks and proposals."""
        for sampler in self.samplers:
            sampler.numbers = batch.numbers
        images = [self.observable(image) for image in scaled(batch.images)]
        together = self.samples and self.model.training and not self.share.whole
        with computing_losses(self.model), padded_to(self.model, batch.padded):
            losses: dict[str, Tensor] = self.model(images, batch.targets)
        values = torch.stack(list(losses.values()))
        return (values * self.weights(list(losses)) if together else values).sum()

    def weights(self, names: list[str]) -> Tensor:
        """Weights of the losses ``names`` of an R-CNN if processes share a part.

        With them the mean over the processes is the loss of the part. Reason: each loss is a mean over the samples of a
        process, and the numbers of samples differ.
        """
        proposals, boxes = self.samplers
        counts = {"loss_objectness": proposals.sampled, "loss_rpn_box_reg": proposals.sampled}
        counts |= {"loss_classifier": boxes.sampled, "loss_box_reg": boxes.sampled, "loss_mask": boxes.positives}
        own = torch.tensor([counts[name] for name in names], dtype=torch.float64, device=self.device)
        every = self.processes.sum(own.clone())
        return (own * self.processes.count / every.clamp_min(1)).float()

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """COCO's mAP, and the loss of a RetinaNet on pictures of one size. The R-CNNs' loss depends on a sample."""
        self.model.eval()
        scorer, with_loss = AveragePrecision(self.with_masks), self.source.uniform and not self.samples
        loss_sum = torch.zeros((), dtype=torch.float64)
        for scenes in self.read(self.read_scenes, self.own_evaluation()):
            images = [scene.image.to(self.device) for scene in scenes]
            scorer.add(self.model(scaled(images)), scenes)
            if with_loss:
                whole = SceneBatch(images, [target_of(scene) for scene in scenes], [0] * len(scenes)).to(self.device)
                loss_sum += self.loss(whole).item() * len(scenes)
        self.model.train()
        found = self.score(scorer)
        if with_loss:
            total = self.processes.sum(loss_sum.to(self.device)).item()
            found["detection_loss"] = total / self.source.count("evaluation")
        return {f"{self.evaluated}_{key}": value for key, value in found.items()} | self.composed()

    def score(self, scorer: AveragePrecision) -> dict[str, float]:
        """The metrics over the pictures of all processes, in the order of the data: it decides between equal scores."""
        batches = self.evaluated_at_once()
        own = [index for number in self.own_evaluation() for index in batches[number]]
        shared = self.processes.to_first(dict(zip(own, scorer.pictures(), strict=True)))
        if self.processes.rank > 0:
            return dict(self.processes.from_first(None))
        every = {index: picture for pictures in shared for index, picture in pictures.items()}
        scorer.take([every[index] for index in sorted(every)])
        return dict(self.processes.from_first(scorer.result()))

    def read_scenes(self, number: int) -> list[Scene]:
        """The pictures of evaluation batch ``number``."""
        chosen = self.evaluated_at_once()[number]
        return [self.source.scene("evaluation", index, self.with_masks) for index in chosen]


def target_of(scene: Scene) -> dict[str, Tensor]:
    """The training target of torchvision's detectors."""
    known = {"boxes": scene.boxes, "labels": scene.labels}
    return known if scene.masks is None else known | {"masks": scene.masks}


def scaled(images: Sequence[Tensor]) -> list[Tensor]:
    """Pictures in [0, 1], as torchvision's detectors expect. The detectors normalise them by ImageNet's statistics."""
    return [image.float() / 255 for image in images]
