"""The networks are the papers': parameter counts, activation calls, shapes, initialisation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import gem
from experiments.families.images.models.build import build_model
from experiments.families.images.models.init import initialise
from experiments.families.images.schema import CNN, MLP, ResNet

CIFAR, DIGITS, MNIST = (3, 32, 32), (1, 8, 8), (1, 28, 28)
MODELS = {
    "mlp": MLP(name="mlp", kind="mlp", blocks=2, width=32),
    "cnn": CNN(name="cnn", kind="cnn", width=8),
    "resnet": ResNet(name="resnet8", kind="resnet", depth=8, shortcut="conv"),
    "resnet_pad": ResNet(name="resnet8", kind="resnet", depth=8, shortcut="identity_pad"),
}


class Counted(nn.Module):
    """Counts its calls, in the class."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        Counted.calls += 1
        return torch.relu(x)


def resnet(depth: int, shortcut: str) -> nn.Module:
    return build_model(ResNet(name="r", kind="resnet", depth=depth, shortcut=shortcut), nn.ReLU, CIFAR, 10)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_parameters_as_in_table_6_of_he_et_al(depth: int, millions: float) -> None:
    digits = 1 if depth == 110 else 2
    assert round(parameters(resnet(depth, "identity_pad")) / 1e6, digits) == millions


def test_resnet56_with_convolutional_shortcuts() -> None:
    assert round(parameters(resnet(56, "conv")) / 1e6, 2) == 0.86
    added = (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)  # two 1×1 convolutions and their BatchNorms
    assert parameters(resnet(56, "conv")) - parameters(resnet(56, "identity_pad")) == added


def test_resnet56_calls_the_activation_55_times() -> None:
    config = ResNet(name="r", kind="resnet", depth=56, shortcut="conv", width=2)
    model = build_model(config, Counted, CIFAR, 10)
    Counted.calls = 0
    model(torch.zeros(1, *CIFAR))
    assert Counted.calls == 55


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [DIGITS, MNIST, CIFAR, (3, 33, 31)])
def test_shapes(name: str, shape: tuple[int, int, int]) -> None:
    model = build_model(MODELS[name], nn.ReLU, shape, 7)
    assert model(torch.zeros(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize("activation", gem.ACTIVATIONS)
@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet"])
def test_any_activation_in_every_place(name: str, activation: str) -> None:
    model = build_model(MODELS[name], lambda: gem.make_activation(activation), DIGITS, 10)
    kind = type(gem.make_activation(activation))
    places = {"mlp": 2, "cnn": 3, "resnet": 7}[name]
    shortcuts = 1 if (name, activation) == ("resnet", "identity") else 0  # the identity shortcut is an nn.Identity too
    assert sum(isinstance(module, kind) for module in model.modules()) == places + shortcuts
    others = (nn.ReLU, nn.GELU, nn.SiLU)
    assert not [m for m in model.modules() if isinstance(m, others) and not isinstance(m, kind)]
    initialise(model, 0)
    model(torch.randn(4, *DIGITS)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_shortcut_without_parameters_keeps_every_second_pixel_between_zeros() -> None:
    model = resnet(8, "identity_pad")
    x = torch.randn(1, 16, 8, 8)
    y = model.blocks[1].shortcut(x)  # type: ignore[union-attr, index]
    assert torch.equal(y[:, 8:24], x[:, :, ::2, ::2])
    assert not y[:, :8].any()
    assert not y[:, 24:].any()


def weights(model: nn.Module, seed: int) -> dict[str, torch.Tensor]:
    initialise(model, seed)
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def test_initialisation_depends_on_seed_and_name_alone() -> None:
    """Not on the global generator, on the order in which layers are made, or on what else the network holds."""
    torch.manual_seed(1)
    small = weights(build_model(MODELS["resnet"], nn.ReLU, CIFAR, 10), 0)
    torch.manual_seed(2)
    padded = weights(build_model(MODELS["resnet_pad"], nn.GELU, CIFAR, 10), 0)
    assert set(padded) < set(small)
    assert all(torch.equal(small[name], value) for name, value in padded.items())
    other = weights(build_model(MODELS["resnet"], nn.ReLU, CIFAR, 10), 1)
    assert not torch.equal(other["head.weight"], small["head.weight"])
    assert not torch.equal(small["blocks.0.conv1.weight"], small["blocks.0.conv2.weight"])


def test_initialisation_is_kaiming_normal() -> None:
    model = build_model(CNN(name="cnn", kind="cnn", width=64), nn.ReLU, MNIST, 10)
    weight = weights(model, 0)["features.2.0.weight"]
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (128 * 9)), rel=0.01)
    initialise(model, 0, gain=1.0)
    assert torch.allclose(model.features[2][0].weight * math.sqrt(2), weight)  # type: ignore[union-attr, index]
    assert not model.head.bias.any()  # type: ignore[union-attr, operator]
