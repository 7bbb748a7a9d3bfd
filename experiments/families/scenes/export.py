"""Exports a trained full-size network in the form that torchvision's own constructors load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from experiments.activations.python_words import activation_words
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.scenes.models.build import put_in
from experiments.families.scenes.schema import DeepLabModel, FasterRCNNModel, MaskRCNNModel, RetinaNetModel, SceneModel

# A bias with one entry per class, or with a fixed number of entries per class.
OUTPUTS = {
    "head.classification_head.cls_logits.bias": 9,
    "roi_heads.box_predictor.cls_score.bias": 1,
    "classifier.4.bias": 1,
}


def export_run(config: Config, state: Mapping[str, Any], out: Path) -> list[str]:
    """Write ``model.pt`` to ``out``, and return lines of Python that load it.

    Raises UserError if torchvision has no such network.
    """
    model = config.model
    assert isinstance(model, SceneModel)
    name = constructor_name(model)
    classes = next(len(state[key]) // each for key, each in OUTPUTS.items() if key in state)
    options = "weights=None, weights_backbone=None, num_classes=" + str(classes)
    if isinstance(model, DeepLabModel):
        options += f", aux_loss={model.auxiliary}"
    weights = {key: value.cpu() for key, value in state.items()}
    try:
        library = build_library_network(name, classes, model)
        put_in(library, config.activation, model.swap)
        missing = set(library.state_dict()) - set(weights)
        counters = [key for key in missing if key.endswith("num_batches_tracked")]  # frozen BatchNorm has none
        weights |= {key: torch.zeros((), dtype=torch.int64) for key in counters}
        library.load_state_dict(weights)
    except (RuntimeError, AttributeError) as error:
        raise UserError(f"model={model.name}: torchvision has no network of this size ({name})") from error
    out.mkdir(parents=True, exist_ok=True)
    torch.save(weights, out / "model.pt")
    imports, new = activation_words(config.activation)
    home = "segmentation" if isinstance(model, DeepLabModel) else "detection"
    return [
        "import gem, torch, torchvision",
        *imports,
        f"model = torchvision.models.{home}.{name}({options})",
        f"gem.replace_activations(model, torch.nn.ReLU, {new}, functional={model.swap == 'complete'})",
        f'model.load_state_dict(torch.load("{out / "model.pt"}"))',
    ]


def constructor_name(model: SceneModel) -> str:
    if isinstance(model, DeepLabModel):
        return f"deeplabv3_{model.backbone}"
    if isinstance(model, MaskRCNNModel):
        return f"maskrcnn_{model.backbone}_fpn"
    if isinstance(model, FasterRCNNModel):
        return f"fasterrcnn_{model.backbone}_fpn"
    assert isinstance(model, RetinaNetModel)
    return f"retinanet_{model.backbone}_fpn" + ("_v2" if model.version == 2 else "")


def build_library_network(name: str, classes: int, model: SceneModel) -> nn.Module:
    """torchvision's own network, with random weights. Raises AttributeError if torchvision has none of this name."""
    options: dict[str, Any] = {"weights": None, "weights_backbone": None, "num_classes": classes}
    if isinstance(model, DeepLabModel):
        made: nn.Module = getattr(torchvision.models.segmentation, name)(aux_loss=model.auxiliary, **options)
    else:
        made = getattr(torchvision.models.detection, name)(**options)
    return made
