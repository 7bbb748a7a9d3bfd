"""What is saved for backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import gem
from benchmarks.bench_activations import saved_per_layer

SAVES_OUTPUT: list[Callable[[], nn.Module]] = [
    lambda: gem.GEM(N=2, save="output"),
    lambda: gem.EGEM(save="output"),
    lambda: gem.SEGEM(save="output"),
    lambda: gem.SEGEM(save="output", learnable=True),
    lambda: gem.EGEM(save="output", learnable=True, channels=8),
]


@pytest.mark.parametrize("make", SAVES_OUTPUT)
def test_saving_the_output_costs_no_more_than_relu(make: Callable[[], nn.Module]) -> None:
    assert saved_per_layer(make()) <= saved_per_layer(nn.ReLU()) + 0.05


@pytest.mark.parametrize("make", [gem.GEM, gem.SEGEM, gem.GoLU, lambda: gem.EGEM(learnable=True)])
def test_saving_the_input_costs_no_more_than_gelu(make: Callable[[], nn.Module]) -> None:
    assert saved_per_layer(make()) <= saved_per_layer(nn.GELU()) + 0.05


@pytest.mark.parametrize("name", ["gem", "egem", "segem", "golu"])
def test_a_function_saves_its_input_alone_and_gem_functional_is_the_same(name: str) -> None:
    function, kept = getattr(gem, name), []
    assert getattr(gem.functional, name) is function

    def pack(t: Tensor) -> Tensor:
        kept.append(t)
        return t

    x = torch.randn(9, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        function(x)
    assert [t.data_ptr() for t in kept] == [x.data_ptr()]


def test_both_settings_give_the_same_gradients() -> None:
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    for kind in (gem.GEM, gem.SEGEM):
        for learnable in (False, True):
            gradients = []
            for save in ("input", "output"):
                leaf = x.clone().requires_grad_()
                module = kind(save=save, learnable=learnable)
                gradients.append(torch.autograd.grad(module(leaf).sum(), [leaf, *module.parameters()]))
            for a, b in zip(*gradients, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
