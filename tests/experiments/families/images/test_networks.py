"""WRN and DenseNet-BC for CIFAR: parameters as published, activations counted, shapes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from experiments.families.images.models.build import build_model
from experiments.families.images.models.init import initialise
from experiments.families.images.schema import DenseNet, WideResNet

CIFAR = (3, 32, 32)


class Counted(nn.Module):
    """Counts its calls, in the class."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        Counted.calls += 1
        return torch.relu(x)


def wide_resnet(depth: int, widen: int) -> WideResNet:
    return WideResNet(name="w", kind="wide_resnet", depth=depth, widen=widen)


def densenet(depth: int, growth: int) -> DenseNet:
    return DenseNet(name="d", kind="densenet", depth=depth, growth=growth)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("config", "millions"),
    [
        (wide_resnet(40, 1), 0.6),  # Zagoruyko and Komodakis 2016, table 4
        (wide_resnet(40, 2), 2.2),
        (wide_resnet(16, 8), 11.0),
        (wide_resnet(28, 10), 36.5),
        (wide_resnet(28, 2), 1.5),  # Oliver et al. 2018 (arXiv 1804.09170), section 4.1
        (densenet(100, 12), 0.8),  # Huang et al. 2017, table 2
        (densenet(250, 24), 15.3),
        (densenet(190, 40), 25.6),
    ],
    ids=str,
)
def test_parameters_as_published(config: WideResNet | DenseNet, millions: float) -> None:
    with torch.device("meta"):
        assert round(parameters(build_model(config, nn.ReLU, CIFAR, 10)) / 1e6, 1) == millions


@pytest.mark.parametrize(
    ("config", "count", "calls"),
    [
        (wide_resnet(28, 2), 1_467_610, 2 * 12 + 1),
        (wide_resnet(10, 2), 303_706, 2 * 3 + 1),
        (densenet(40, 12), 176_122, 2 * 18 + 2 + 1),
        (densenet(22, 8), 32_606, 2 * 9 + 2 + 1),
    ],
    ids=str,
)
def test_networks_in_use(config: WideResNet | DenseNet, count: int, calls: int) -> None:
    model = build_model(config, Counted, CIFAR, 10)
    assert parameters(model) == count
    Counted.calls = 0
    assert model(torch.zeros(2, *CIFAR)).shape == (2, 10)
    assert Counted.calls == calls


@pytest.mark.parametrize("config", [wide_resnet(10, 2), densenet(10, 8)], ids=str)
def test_every_parameter_has_a_gradient(config: WideResNet | DenseNet) -> None:
    model = build_model(config, nn.GELU, (1, 12, 12), 7)
    initialise(model, 0)
    logits = model(torch.randn(4, 1, 12, 12))
    assert logits.shape == (4, 7)
    logits.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_dense_layer_keeps_what_came_before() -> None:
    """Its input passes through, and the new features come after it."""
    layer = build_model(densenet(10, 8), nn.ReLU, CIFAR, 10).layers[0]  # type: ignore[union-attr, index]
    x = torch.randn(2, 16, 8, 8)
    y = layer(x)
    assert y.shape == (2, 24, 8, 8)
    assert torch.equal(y[:, :16], x)
