"""The networks: the activation in every place, torchvision's sizes and states, initialised by the seed alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

import gem
from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.scenes.export import export_run
from experiments.families.scenes.models.build import build_network
from experiments.families.scenes.sampling import computing_losses
from experiments.families.scenes.task import SceneTask
from tests.experiments.families.scenes.tiny import MODELS, tiny_task

# Calls of the activation on the way to a loss. Lean backbone: 6. RetinaNet: 2 heads of 4 layers on 4 levels, and one in
# LastLevelP6P7. R-CNNs: one in the head of the proposals on each of 4 levels, two in TwoMLPHead; masks: two layers and
# one after the upsampling. DeepLab: 5 branches, their projection, one in the head, one in the second head.
CALLS = {"retinanet": 6 + 2 * 4 * 4 + 1, "faster_rcnn": 6 + 4 + 2, "mask_rcnn": 6 + 4 + 2 + 3, "deeplab": 6 + 7 + 1}
FUNCTIONS = {"retinanet": 1, "faster_rcnn": 2, "mask_rcnn": 2, "deeplab": 0}  # calls of F.relu in torchvision's code
FULL = {
    "faster_rcnn": torchvision.models.detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1,
    "mask_rcnn": torchvision.models.detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1,
    "retinanet": torchvision.models.detection.RetinaNet_ResNet50_FPN_V2_Weights.COCO_V1,
    "deeplab": torchvision.models.segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,
}


def counted(task: SceneTask) -> Counter[str]:
    """Activation functions that are called on the way to a loss, by name."""
    with gem.count_activations(task.model) as calls:
        task.loss(task.batch(0))
    found = Counter[str]()
    for (_, function), number in calls.items():
        found[function] += number
    return found


@pytest.mark.parametrize("model", MODELS)
def test_every_activation_is_the_configured_one(model: str) -> None:
    found = counted(tiny_task(model, "activation=silu"))
    assert found["silu"] == CALLS[model]
    assert found["relu"] == 0
    relu = counted(tiny_task(model, "activation=relu"))
    assert relu["relu"] == CALLS[model]


@pytest.mark.parametrize("model", MODELS)
def test_swapped_as_golu_did_functions_stay_relu(model: str) -> None:
    found = counted(tiny_task(model, "activation=silu", "model.swap=modules"))
    assert found["silu"] == CALLS[model] - FUNCTIONS[model]
    assert found["relu"] == FUNCTIONS[model]


@pytest.mark.parametrize("model", MODELS)
def test_the_initialisation_follows_from_the_seed_alone(model: str) -> None:
    relu, golu, other = (
        tiny_task(model, *words).model.state_dict()
        for words in (["activation=relu"], ["activation=golu", "model.swap=modules"], ["activation=relu", "seed=1"])
    )
    assert all(torch.equal(relu[name], golu[name]) for name in relu)
    assert set(relu) == set(golu)
    drawn = [name for name, tensor in relu.items() if tensor.is_floating_point() and tensor.ndim > 1]
    assert all(not torch.equal(relu[name], other[name]) for name in drawn)


def test_building_leaves_the_global_stream_alone() -> None:
    tiny_task("retinanet")
    before = torch.get_rng_state()
    tiny_task("faster_rcnn")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("model", FULL)
def test_parameters_at_full_size_are_those_published(model: str) -> None:
    """torchvision counts the R-CNNs with BatchNorm frozen, and the others with it live."""
    dataset, classes = ("coco_voc", 21) if model == "deeplab" else ("coco", 91)
    frozen = str("rcnn" in model).lower()
    line = [f"dataset={dataset}", f"model={model}_resnet50", f"model.frozen_norm={frozen}", "activation=gelu"]
    with torch.device("meta"):
        network = build_network(compose_run(line), classes, pretrained=False)
    assert sum(p.numel() for p in network.parameters()) == FULL[model].meta["num_params"]


@pytest.mark.parametrize(
    "model",
    [pytest.param(name, marks=[pytest.mark.slow] if name in ("faster_rcnn", "retinanet") else []) for name in FULL],
)
def test_a_state_of_ours_loads_into_torchvisions_network(model: str, tmp_path: Path) -> None:
    dataset, classes = ("coco_voc", 5) if model == "deeplab" else ("coco", 5)
    config = compose_run([f"dataset={dataset}", f"model={model}_resnet50", "activation=egem", "N=2"])
    network = build_network(config, classes, pretrained=False).eval()
    *lines, load = export_run(config, network.state_dict(), tmp_path)
    names: dict[str, Any] = {}
    exec("\n".join([*lines, load]), names)  # what export.py prints
    other = names["model"].eval()
    state = other.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    if model == "deeplab":
        x = torch.rand(1, 3, 64, 64)
        torch.testing.assert_close(other(x)["out"], network(x)["out"])


def test_a_lean_network_has_no_other_library(tmp_path: Path) -> None:
    config = compose_run(["dataset=scenes", "model=retinanet"])
    network = build_network(config, 5)
    with pytest.raises(UserError, match="model=retinanet: torchvision has no network of this size"):
        export_run(config, network.state_dict(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("layers", "trained"), [(3, {"layer2", "layer3", "layer4"}), (5, {"conv1", "bn1", "layer1"})])
def test_the_first_layers_of_a_pretrained_backbone_are_not_trained(layers: int, trained: set[str]) -> None:
    line = ["dataset=coco", "model=faster_rcnn_resnet50", "model.backbone=resnet18", f"model.trainable_layers={layers}"]
    network = build_network(compose_run(line), 3, pretrained=False)
    body = network.get_submodule("backbone.body")
    assert {name.partition(".")[0] for name, p in body.named_parameters() if p.requires_grad} >= trained
    frozen = {name.partition(".")[0] for name, p in body.named_parameters() if not p.requires_grad}
    assert frozen == ({"conv1", "bn1", "layer1"} if layers == 3 else set())


@pytest.mark.parametrize("model", ["retinanet", "faster_rcnn"])
def test_losses_in_evaluation_mode_leave_batchnorm_alone(model: str) -> None:
    task = tiny_task(model)
    task.model.eval()
    before = {name: buffer.clone() for name, buffer in task.model.named_buffers()}
    loss = task.loss(task.batch(0))
    assert loss.isfinite()
    assert loss.requires_grad
    assert not task.model.training
    assert not any(module.training for module in task.model.modules())
    assert all(torch.equal(before[name], buffer) for name, buffer in task.model.named_buffers())
    with computing_losses(task.model):
        norms = [module for module in task.model.modules() if isinstance(module, nn.BatchNorm2d)]
        assert norms
        assert not any(norm.training for norm in norms)
