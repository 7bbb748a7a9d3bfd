"""Other libraries' models with every activation replaced, shown by counting calls. Slow: the models are whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import gem
from tests.gem import zoo
from tests.gem.zoo import tensors_of, totals

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]


def check_replaced(model: nn.Module, old: Any, *inputs: Any, **named: Any) -> int:
    """Replace ``old`` by E-GEM; what called the one now calls the other, as often. Returns how often."""
    label = old.__name__.lower()
    with torch.no_grad(), gem.count_activations(model) as calls:
        model(*inputs, **named)
    before = totals(calls)
    assert before[label] > 0
    gem.replace_activations(model, old, "egem", functional=True, eps=1e-2)
    after = totals(gem.assert_replaced(model, old, *inputs, **named))
    assert after["egem"] == before[label]
    assert after[label] == 0
    return before[label]


def check_backward(model: nn.Module, *inputs: Any, **named: Any) -> None:
    """Gradients of every parameter that has one are finite, and some are not 0."""
    found = [t for t in tensors_of(model(*inputs, **named)) if t.is_floating_point() and t.requires_grad]
    torch.stack([t.float().sum() for t in found]).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(bool(g.isfinite().all()) for g in gradients)
    assert any(bool((g != 0).any()) for g in gradients)


@pytest.mark.parametrize("name", ["fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn", "maskrcnn_resnet50_fpn"])
def test_detectors_of_torchvision(name: str) -> None:
    detection = pytest.importorskip("torchvision").models.detection
    model = getattr(detection, name)(
        weights=None, weights_backbone=None, num_classes=3, min_size=64, max_size=64, trainable_backbone_layers=5
    ).train()
    images = [torch.rand(3, 64, 64), torch.rand(3, 64, 64)]
    box, mask = torch.tensor([[4.0, 4.0, 40.0, 40.0]]), torch.ones(1, 64, 64, dtype=torch.uint8)
    targets = [{"boxes": box, "labels": torch.tensor([1]), "masks": mask} for _ in images]
    assert check_replaced(model, nn.ReLU, images, targets) > 49  # 49 are the backbone's: the heads have theirs too
    check_backward(model, images, targets)


def test_densenet_of_torchvision() -> None:
    model = pytest.importorskip("torchvision").models.densenet121(weights=None, num_classes=3)
    images = torch.randn(2, 3, 64, 64)
    assert check_replaced(model, nn.ReLU, images) == 121  # the last one is F.relu
    check_backward(model, images)


@pytest.mark.parametrize("name", zoo.TIMM)
def test_ten_of_timm(name: str) -> None:
    old, options = zoo.TIMM[name]
    model = pytest.importorskip("timm").create_model(name, num_classes=3, **options)
    images = torch.randn(2, 3, 64, 64)
    check_replaced(model, old, images)
    check_backward(model, images)


@pytest.mark.parametrize("kind", zoo.TRANSFORMERS)
def test_seven_of_transformers_by_name(kind: str) -> None:
    pytest.importorskip("transformers")
    model, inputs = zoo.transformers_model(kind), zoo.inputs_of(kind)
    with torch.no_grad(), gem.count_activations(model) as calls:
        model(**inputs)
    assert totals(calls)["egem"] == zoo.TRANSFORMERS[kind][2]
    check_backward(model, **inputs)


@pytest.mark.parametrize("new", ["egem", "golu"])
def test_a_unet_of_diffusers(new: str) -> None:
    pytest.importorskip("diffusers")
    model, inputs = zoo.plain_unet(), zoo.inputs_of("unet")
    with torch.no_grad(), gem.count_activations(model) as calls:
        model(**inputs)
    plan = gem.replace_activations(model, nn.SiLU, new, functional=True, dry_run=True)
    gem.replace_activations(model, nn.SiLU, new, functional=True)
    after = totals(gem.assert_replaced(model, nn.SiLU, **inputs))
    assert after[new] == totals(calls)["silu"] >= len(plan) == 10
    check_backward(model, **inputs)


def test_a_fresh_process_loads_every_model_and_computes_the_same_bits(tmp_path: Path) -> None:
    """Ten of timm, seven of transformers and two UNets: outputs, gradients and calls of activations are equal."""
    for name in ("timm", "transformers", "diffusers"):
        pytest.importorskip(name)
    expected = zoo.save(tmp_path)
    for name, found in expected.items():
        assert {"egem", "golu"} & set(found["calls"]), name
        assert found["gradients"], name
        assert all(bool(g.isfinite().all()) for g in found["gradients"].values()), name
    command = [sys.executable, "-m", "tests.gem.zoo", str(tmp_path)]
    fresh = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert fresh.returncode == 0, fresh.stderr[-3000:]
    assert sorted(set(fresh.stdout.split()) & set(zoo.NAMES)) == sorted(zoo.NAMES)
    assert len(zoo.NAMES) == 19
