"""What the zeros of residual branches do to the signal of an untrained ResNet (docs/findings_tuned.md)."""

from __future__ import annotations

import pytest
import timm
import torch

from experiments.activations.build import activation_factory
from experiments.studies.cells import compose_cell


def surviving(activation: str, experiment: str) -> float:
    """The share of outputs larger than 0.01 after the third stage of the narrow ResNet-50, on one batch of noise."""
    config = compose_cell(f"experiment={experiment}", *f"activation={activation}".split())
    make = activation_factory(config.activation)
    torch.manual_seed(10)
    model = timm.create_model(config.model.architecture, act_layer=lambda inplace: make(), **config.model.options)
    kept: list[torch.Tensor] = []
    model.get_submodule("layer3.5").register_forward_hook(lambda module, inputs, output: kept.append(output.detach()))
    model.train()(torch.randn(64, 3, 32, 32))
    return (kept[0].abs() > 0.01).float().mean().item()


@pytest.mark.parametrize(
    ("activation", "percent"),
    [("relu", 50), ("egem N=1 eps=1e-4", 49), ("gelu", 35), ("silu", 26), ("golu", 10), ("gem N=1", 2), ("gem N=2", 4)],
)
def test_zeros_take_the_signal_of_what_is_flat_near_zero(activation: str, percent: int) -> None:
    assert 100 * surviving(activation, "mini_resnet50") == pytest.approx(percent, abs=1.5)


def test_without_the_zeros_more_of_it_survives() -> None:
    assert surviving("gem N=1", "ablation_zero_init") > 5 * surviving("gem N=1", "mini_resnet50")
