"""Pictures of predictions beside the truth, on pictures that were not trained on."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image
from torchvision.utils import draw_bounding_boxes, draw_segmentation_masks

from experiments.activations.names import activation_label
from experiments.config.schema import Config
from experiments.families.images.data.images import IMAGENET
from experiments.families.scenes.average_precision import THRESHOLD
from experiments.families.scenes.data.load import load_scenes
from experiments.families.scenes.data.scene import UNLABELLED, SceneSource
from experiments.families.scenes.data.views import resize_image, resize_nearest, resized_to
from experiments.families.scenes.models.build import build_network
from experiments.families.scenes.schema import DeepLabModel, MaskRCNNModel

SHOWN = 6  # number of pictures
SIDE = 192  # shorter side of a picture, in pixels
MARGIN = 16
SURE = 0.5  # predictions from this score on are drawn


def draw_pictures(config: Config, state: Mapping[str, Any], out: Path) -> list[Path]:
    """``predictions.png`` in ``out``: the first evaluation pictures, with the truth above and the prediction below.

    ``state`` holds the weights that predict.
    """
    source = load_scenes(config.dataset, config.model, config.data_dir)
    network = build_network(config, len(source.class_names), pretrained=False)
    network.load_state_dict(state)
    network.eval()
    columns = []
    for index in range(min(SHOWN, source.count("evaluation"))):
        if isinstance(config.model, DeepLabModel):
            columns.append(draw_classes(network, source, index))
        else:
            columns.append(draw_objects(network, source, index, isinstance(config.model, MaskRCNNModel)))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "predictions.png"
    name = activation_label(config.activation)
    title = f"{config.model.name}, {name}, {config.dataset.title}: truth above, prediction below"
    sheet(columns, title).save(path)
    return [path]


@torch.no_grad()
def draw_objects(network: torch.nn.Module, source: SceneSource, index: int, with_masks: bool) -> tuple[Tensor, Tensor]:
    """Picture ``index`` with its true objects, and with the predictions of a score of at least ``SURE``."""
    scene = source.scene("evaluation", index, with_masks)
    found = network([scene.image.float() / 255])[0]
    sure = found["scores"] >= SURE
    names = [
        f"{source.class_names[kind]} {score:.2f}"
        for kind, score in zip(found["labels"][sure].tolist(), found["scores"][sure].tolist(), strict=True)
    ]
    masks = (found["masks"][sure, 0] >= THRESHOLD) if with_masks else None
    true_names = [source.class_names[kind] for kind in scene.labels.tolist()]
    true = with_objects(scene.image, scene.boxes, scene.labels, true_names, scene.masks)
    return true, with_objects(scene.image, found["boxes"][sure], found["labels"][sure], names, masks)


def with_objects(image: Tensor, boxes: Tensor, labels: Tensor, names: list[str], masks: Tensor | None) -> Tensor:
    height, width = image.shape[1:]
    size = resized_to(height, width, SIDE, None)
    drawn: Tensor = resize_image(image, size)
    colours = [colour(kind) for kind in labels.tolist()]
    if not len(boxes):
        return drawn
    if masks is not None:
        drawn = draw_segmentation_masks(drawn, resize_nearest(masks.byte(), size).bool(), alpha=0.5, colors=colours)
    scale = torch.tensor([size[1] / width, size[0] / height]).repeat(2)
    drawn = draw_bounding_boxes(drawn, boxes * scale, names, colours, width=2)
    return drawn


@torch.no_grad()
def draw_classes(network: torch.nn.Module, source: SceneSource, index: int) -> tuple[Tensor, Tensor]:
    """Picture ``index`` with the true class of each pixel, and with the likeliest predicted class."""
    picture = source.labelled("evaluation", index)
    mean, sd = (torch.tensor(values).view(3, 1, 1) for values in IMAGENET)
    predicted = network(((picture.image.float() / 255 - mean) / sd)[None])["out"][0].argmax(0)
    return with_classes(picture.image, picture.classes), with_classes(picture.image, predicted)


def with_classes(image: Tensor, classes: Tensor) -> Tensor:
    height, width = image.shape[1:]
    size = resized_to(height, width, SIDE, None)
    drawn, enlarged = resize_image(image, size), resize_nearest(classes[None].byte(), size)[0]
    kinds = [int(kind) for kind in enlarged.unique() if kind not in (0, UNLABELLED)]
    if not kinds:
        return drawn
    masks = torch.stack([enlarged == kind for kind in kinds])
    coloured: Tensor = draw_segmentation_masks(drawn, masks, alpha=0.7, colors=[colour(kind) for kind in kinds])
    return coloured


def colour(kind: int) -> tuple[int, int, int]:
    """The colour of a class: successive hues differ by the golden angle, so that neighbours differ."""
    red, green, blue = colorsys.hsv_to_rgb(kind * 0.618 % 1, 0.8, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def sheet(columns: Sequence[tuple[Tensor, Tensor]], title: str) -> Image.Image:
    """The pairs side by side, each with one picture above the other, below a line of text."""
    widths = [upper.shape[2] for upper, _ in columns]
    height = max(upper.shape[1] for upper, _ in columns)
    made = Image.new("RGB", (sum(widths) + MARGIN * (len(widths) + 1), 2 * height + 4 * MARGIN), "white")
    ImageDraw.Draw(made).text((MARGIN, MARGIN // 2), title, fill="black")
    left = MARGIN
    for (upper, lower), width in zip(columns, widths, strict=True):
        made.paste(to_pil_image(upper), (left, 2 * MARGIN))
        made.paste(to_pil_image(lower), (left, 3 * MARGIN + height))
        left += width + MARGIN
    return made
