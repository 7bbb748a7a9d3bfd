"""Semantic segmentation: the class of every pixel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from experiments.config.schema import Config
from experiments.families.images.data.images import IMAGENET
from experiments.families.scenes.confusion import confusion_matrix, mean_iou, pixel_accuracy
from experiments.families.scenes.data.scene import UNLABELLED, LabelledPicture, SceneSource
from experiments.families.scenes.data.views import Draw, evaluation_view, view_labelled
from experiments.families.scenes.padding import padded
from experiments.families.scenes.sampling import global_streams, share_dropout
from experiments.families.scenes.task import SceneBatch, SceneTask
from experiments.processes import Processes


class SegmentationTask(SceneTask):
    """Cross-entropy over labelled pixels, including the second head's if there is one. A target has classes [H, W]."""

    def __init__(self, config: Config, source: SceneSource, device: torch.device, processes: Processes) -> None:
        super().__init__(config, source, device, processes)
        self.drops = any(isinstance(module, nn.Dropout) and module.p > 0 for module in self.model.modules())
        share_dropout(self.model, self.share)
        self.lr_factors = {"aux_classifier.": self.recipe.auxiliary_lr}
        self.mean, self.sd = (torch.tensor(values, device=device).view(3, 1, 1) for values in IMAGENET)

    def splits_exactly(self) -> bool:
        return not any(isinstance(module, nn.Dropout) and module.p > 0 for module in self.model.modules())

    def number_row(self, row: int) -> int:
        """The first row of its part, because dropout draws for all rows of a part at once."""
        size = self.recipe.batch_size // self.recipe.accumulate
        return row // size * size

    def make(self, index: int, view: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        picture = view_labelled(self.source.labelled("train", index), self.views, view)
        return picture.image, {"classes": picture.classes}

    def parts(self, batch: SceneBatch) -> Iterator[tuple[SceneBatch, float]]:
        """Parts weighted by labelled pixels, so that their sum is the mean over all labelled pixels of the batch."""
        if self.pictures_a_pass is None and self.processes.count == 1:
            yield batch, 1.0
            return
        total = self.processes.sum(labelled_pixels(batch)).item()
        for part in self.cut(batch):
            yield part, labelled_pixels(part).item() / max(1.0, total)

    def loss(self, batch: SceneBatch) -> Tensor:
        """Mean cross-entropy in nats per labelled pixel, plus ``recipe.auxiliary_weight`` times the second head's."""
        images, classes = padded(batch.images, [target["classes"] for target in batch.targets], batch.padded)
        stream = global_streams(batch.numbers[0], self.device) if self.drops else contextlib.nullcontext()
        with stream:
            outputs = self.model(self.observable(self.normalise(images)))
        pixels = labelled_pixels(batch).clamp_min(1)
        loss = summed_loss(outputs["out"], classes) / pixels
        if "aux" in outputs:
            loss = loss + self.recipe.auxiliary_weight * summed_loss(outputs["aux"], classes) / pixels
        return loss

    def normalise(self, images: Tensor) -> Tensor:
        return (images.float() / 255 - self.mean) / self.sd

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Mean IoU, pixel accuracy and the loss of the first head, over all labelled pixels."""
        self.model.eval()
        confusion = torch.zeros(self.classes, self.classes, dtype=torch.int64)
        loss_sum = 0.0
        for pictures in self.read(self.read_pictures, self.own_evaluation()):
            images, classes = padded([p.image for p in pictures], [p.classes for p in pictures])
            logits = self.model(self.normalise(images.to(self.device)))["out"]
            loss_sum += summed_loss(logits, classes.to(self.device)).item()
            confusion += confusion_matrix(classes, logits.argmax(1).cpu(), self.classes)
        self.model.train()
        confusion = self.processes.sum(confusion.to(self.device)).cpu()
        loss_sum = self.processes.sum(torch.tensor(loss_sum, dtype=torch.float64, device=self.device)).item()
        found = {
            "miou": mean_iou(confusion),
            "pixel_accuracy": pixel_accuracy(confusion),
            "loss": loss_sum / confusion.sum().item(),
        }
        return {f"{self.evaluated}_{key}": value for key, value in found.items()} | self.composed()

    def read_pictures(self, number: int) -> list[LabelledPicture]:
        """The pictures of evaluation batch ``number``."""
        chosen = self.evaluated_at_once()[number]
        return [evaluation_view(self.source.labelled("evaluation", i), self.model_config.min_size) for i in chosen]


def summed_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy in nats, summed over labelled pixels.

    It sums pixel losses itself, because torch's sum over a picture is not deterministic on CUDA.
    """
    rows = logits.permute(0, 2, 3, 1).flatten(0, 2).float()
    return F.cross_entropy(rows, classes.flatten().long(), ignore_index=UNLABELLED, reduction="sum")


def labelled_pixels(batch: SceneBatch) -> Tensor:
    """The number of labelled pixels as float64, 0-d, so that sums over processes are exact."""
    return torch.stack([(target["classes"] != UNLABELLED).sum() for target in batch.targets]).sum().double()
