"""Gated units: their formula, their width, their settings."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

import gem

UNITS: list[tuple[type[gem.GatedUnit], type[nn.Module]]] = [
    (gem.GEMGLU, gem.GEM),
    (gem.EGEMGLU, gem.EGEM),
    (gem.SEGEMGLU, gem.SEGEM),
    (gem.GoLUGLU, gem.GoLU),
]


@pytest.mark.parametrize(("unit", "activation"), UNITS)
def test_the_formula(unit: type[gem.GatedUnit], activation: type[nn.Module]) -> None:
    model = unit(6, 10, bias=True, dtype=torch.float64)
    assert type(model.activation) is activation
    x = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    gate = activation()(x @ model.gate.weight.T + model.gate.bias)
    expected = (gate * (x @ model.up.weight.T + model.up.bias)) @ model.down.weight.T + model.down.bias
    torch.testing.assert_close(model(x), expected)
    assert torch.autograd.gradcheck(model, (x,))
    torch.testing.assert_close(pickle.loads(pickle.dumps(model))(x), model(x))


@pytest.mark.parametrize(
    ("plain", "multiple_of", "expected"), [(3072, 1, 2048), (4, 1, 3), (1, 8, 8), (3072, 256, 2048), (100, 16, 64)]
)
def test_the_matched_width(plain: int, multiple_of: int, expected: int) -> None:
    assert gem.matched_width(plain, multiple_of) == expected
    assert abs(expected - 2 * plain / 3) <= max(multiple_of / 2, multiple_of - 2 * plain / 3)


def test_the_default_width_has_the_weights_of_a_plain_block() -> None:
    plain = nn.Sequential(nn.Linear(96, 384, bias=False), nn.GELU(), nn.Linear(384, 96, bias=False))
    assert sum(p.numel() for p in gem.GEMGLU(96).parameters()) == sum(p.numel() for p in plain.parameters())


def test_settings_and_errors() -> None:
    unit = gem.GatedUnit(4, 8, "egem", out_features=2, N=2, learnable=True, channels=8, channel_dim=-1)
    assert unit(torch.randn(3, 5, 4)).shape == (3, 5, 2)
    assert len(gem.parameter_groups(unit, 0.1)[1]["params"]) == 1
    assert isinstance(gem.GatedUnit(4, 8, nn.SiLU).activation, nn.SiLU)
    assert gem.EGEMGLU(4, 8, N=3, eps=0.1).activation.N == 3
    with pytest.raises(ValueError, match="hidden must be an integer of 1 or more, got 0"):
        gem.GEMGLU(4, 0)
    with pytest.raises(TypeError, match="has no parameter 'eps'"):
        gem.GEMGLU(4, eps=0.1)
