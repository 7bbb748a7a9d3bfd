"""Learnable scales are left out of weight decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gem


def network() -> nn.Sequential:
    shared = gem.EGEM(learnable=True, eps=1e-2)
    return nn.Sequential(nn.Linear(4, 4), shared, nn.Linear(4, 4), shared, gem.GoLU(learnable=True), nn.PReLU())


def test_the_scales_alone_are_not_decayed() -> None:
    model = network()
    decayed, plain = gem.parameter_groups(model, 0.1)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)
    assert {id(p) for p in plain["params"]} == {id(p) for n, p in model.named_parameters() if ".log_" in n}
    assert len(plain["params"]) == 4
    assert len(decayed["params"]) == 5
    (biases,) = [g for g in gem.parameter_groups(model, 0.1, no_decay=("bias",)) if g["weight_decay"] == 0]
    assert len(biases["params"]) == 6


def test_a_step_of_pure_decay_moves_the_weights_alone() -> None:
    model = network()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(gem.parameter_groups(model, 0.5), lr=0.1)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.detach(), before[name] * (1 if ".log_" in name else 0.95))


def test_frozen_and_absent_scales_and_wrong_values() -> None:
    model = network()
    model[1].requires_grad_(False)
    assert len(gem.parameter_groups(model, 0.1)[1]["params"]) == 3
    assert len(gem.parameter_groups(nn.Linear(2, 2), 0.1)) == 1
    with pytest.raises(ValueError, match="weight_decay must be a number of 0 or more, got -1"):
        gem.parameter_groups(model, -1)
    with pytest.raises(TypeError, match="weight_decay must be a number of 0 or more, got '1'"):
        gem.parameter_groups(model, "1")  # type: ignore[arg-type]
