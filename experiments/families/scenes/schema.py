"""The configuration of detection and segmentation: pictures, networks and recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments.config.rules import non_negative, one_of, optional, positive, positive_int, rule, switch, text, whole
from experiments.config.schema import Dataset, Model, Recipe
from experiments.errors import UserError, must_be

SPRITES = ("mnist", "fashion_mnist", "digits")


def sides() -> Any:
    """``[first, last, step]`` of the sides to draw from, or ``[]``."""
    return rule(
        "[first, last, step], integers of at least 1 with first ≤ last, or []",
        lambda s: s == [] or (len(s) == 3 and 1 <= s[0] <= s[1] and s[2] >= 1),
        [],
    )


@dataclass(kw_only=True)
class ScenesDataset(Dataset):
    """Pictures with objects at known places."""

    holdout: int = whole(0)  # evaluate on this many held-out training pictures instead of the test set


@dataclass(kw_only=True)
class ComposedScenes(ScenesDataset):
    """Scenes composed of sprites: a miniature, no evidence about photographs. Its number determines each scene."""

    sprites: list[str] = rule(
        "a list of one or more of " + ", ".join(SPRITES),
        lambda names: bool(names) and len(set(names)) == len(names) and set(names) <= set(SPRITES),
    )
    canvas: int = positive_int(64)  # side of a scene in pixels
    objects: list[int] = rule(
        "two integers [low, high] with 1 ≤ low ≤ high ≤ 100", lambda p: len(p) == 2 and 1 <= p[0] <= p[1] <= 100, [1, 4]
    )  # least and greatest number of objects
    sides: list[int] = rule(
        "two integers [low, high] with 8 ≤ low ≤ high", lambda p: len(p) == 2 and 8 <= p[0] <= p[1], [16, 32]
    )  # least and greatest side of a sprite in the scene, in pixels
    clutter: int = whole(4)  # fragments of sprites behind the objects
    train_size: int = positive_int(8000)
    test_size: int = positive_int(500)


@dataclass(kw_only=True)
class CocoScenes(ScenesDataset):
    """Photographs with a JSON file of annotations in COCO's format. All paths are relative to ``folder``."""

    folder: str = text()  # below data_dir
    train_images: str = text("train2017")
    train_annotations: str = text("annotations/instances_train2017.json")
    test_images: str = text("val2017")
    test_annotations: str = text("annotations/instances_val2017.json")
    categories: list[int] = rule(
        "a list of different category ids, or [] for all", lambda ids: len(set(ids)) == len(ids), []
    )
    train_area: float = non_negative(0.0)  # segmentation: train on pictures whose objects have more pixels than this
    train_size: int | None = optional(positive_int())  # use only this many training pictures (drawn by seed 0)


@dataclass(kw_only=True)
class VocScenes(ScenesDataset):
    """Photographs with a label for each pixel, in the layout of PASCAL VOC."""

    folder: str = text()  # below data_dir; holds JPEGImages, SegmentationClass and ImageSets/Segmentation
    train_list: str = text("train")
    test_list: str = text("val")
    classes: int = positive_int(21)  # with the background, which is 0


@dataclass(kw_only=True)
class SceneModel(Model):
    """A network on a backbone. ``lean`` has four stages; the others are torchvision's ResNets."""

    backbone: str = one_of("lean", "resnet18", "resnet34", "resnet50", "resnet101")
    pretrained: str | None = optional(text())  # folder of runs below runs_dir; the run of this activation and seed
    frozen_norm: bool = switch(False)  # the backbone's BatchNorm keeps its statistics and weights
    trainable_layers: int = rule("an integer from 0 to 5", lambda n: 0 <= n <= 5, 5)  # last so many layers of a ResNet
    swap: str = one_of("complete", "modules", default="complete")  # modules: functions stay ReLU, as in GoLU's code
    min_size: int = positive_int()  # pictures are resized to this shorter side
    max_size: int = positive_int(1333)  # detectors: and to at most this longer side


@dataclass(kw_only=True)
class Detector(SceneModel):
    """Keys common to the detectors."""

    stages: int = rule("an integer from 1 to 4", lambda n: 1 <= n <= 4)  # last so many backbone stages in the pyramid
    channels: int = positive_int(256)  # of the feature pyramid
    anchors: list[float] = rule(
        "sizes in pixels, each above 0", lambda sizes: bool(sizes) and all(s > 0 for s in sizes)
    )
    detections: int = positive_int(100)  # kept per picture


@dataclass(kw_only=True)
class RetinaNetModel(Detector):
    """RetinaNet (Lin et al. 2017, arXiv 1708.02002). Version 2 has GroupNorm in its heads and trains on GIoU."""

    version: int = rule("1 or 2", lambda version: version in (1, 2), 2)
    groups: int = positive_int(32)  # of version 2's GroupNorm


@dataclass(kw_only=True)
class FasterRCNNModel(Detector):
    """Faster R-CNN (Ren et al. 2015, arXiv 1506.01497) on a feature pyramid."""

    hidden: int = positive_int(1024)  # units of the box head
    proposals: list[int] = rule(
        "two integers of at least 1: in training and in evaluation", lambda n: len(n) == 2 and min(n) >= 1, [2000, 1000]
    )
    anchors_sampled: int = positive_int(256)  # per picture, for the loss of the proposals
    boxes_sampled: int = positive_int(512)  # per picture, for the loss of the box head


@dataclass(kw_only=True)
class MaskRCNNModel(FasterRCNNModel):
    """Mask R-CNN (He et al. 2017, arXiv 1703.06870)."""

    mask_layers: int = positive_int(4)


@dataclass(kw_only=True)
class DeepLabModel(SceneModel):
    """DeepLabV3 (Chen et al. 2017, arXiv 1706.05587)."""

    channels: int = positive_int(256)  # of the pyramid of dilated convolutions
    rates: list[int] = rule(
        "three dilation rates of at least 1", lambda rates: len(rates) == 3 and min(rates) >= 1, [12, 24, 36]
    )
    auxiliary: bool = switch(True)  # a second head on the third stage, in training only
    dropout: bool = switch(True)


@dataclass(kw_only=True)
class SceneRecipe(Recipe):
    """Batches of equal size, shuffled anew every epoch; the last partial batch of an epoch is left out."""

    batch_size: int = positive_int()
    flip: float = rule("a probability from 0 to 1", lambda p: 0 <= p <= 1, 0.0)  # of mirroring a picture
    train_sides: list[int] = sides()  # the shorter side in training is drawn from these; []: model.min_size
    crop: int | None = optional(positive_int())  # deeplab: train on squares of this side cut out at random
    auxiliary_weight: float = non_negative(0.5)  # deeplab: weight of the second head's loss
    auxiliary_lr: float = positive(1.0)  # deeplab: the second head's learning rate, as a multiple of lr
    eval_every: int | None = optional(positive_int(), 1)


def check_scenes(dataset: Dataset, model: SceneModel, recipe: SceneRecipe) -> None:
    """Raise UserError if pictures, network and recipe do not fit together."""
    segments = isinstance(model, DeepLabModel)
    if isinstance(dataset, VocScenes) and not segments:
        raise UserError(f"model={model.name}: needs boxes, dataset={dataset.name} has none; use model=deeplab")
    if recipe.dtype != "float32":
        raise UserError(must_be("recipe.dtype", recipe.dtype, "float32 for detection and segmentation"))
    if recipe.crop is not None and not segments:
        raise UserError(must_be("recipe.crop", recipe.crop, f"null for model={model.name}; deeplab takes one"))
    if model.frozen_norm and model.pretrained is None:
        raise UserError(
            must_be("model.frozen_norm", "true", "false without model.pretrained, whose statistics it keeps")
        )
    if model.trainable_layers < 5 and model.backbone == "lean":
        raise UserError(must_be("model.trainable_layers", model.trainable_layers, "5 for model.backbone=lean"))
    if isinstance(model, Detector):
        wanted = model.stages + (2 if isinstance(model, RetinaNetModel) else 1)
        if len(model.anchors) != wanted:
            allowed = f"{wanted} sizes, one for each level of the pyramid with model.stages={model.stages}"
            raise UserError(must_be("model.anchors", model.anchors, allowed))
    if isinstance(model, RetinaNetModel) and model.version == 2 and model.channels % model.groups:
        raise UserError(must_be("model.groups", model.groups, f"a divisor of model.channels={model.channels}"))
