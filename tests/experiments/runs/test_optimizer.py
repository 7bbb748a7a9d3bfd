"""The learning rate against values computed by hand, and what weight decay reaches."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from experiments.config.compose import compose_run
from experiments.families.images.schema import ImageRecipe
from experiments.runs.optimizer import make_optimizer
from experiments.runs.schedule import Schedule

STEPS = 390  # of 128 images in an epoch of CIFAR-10


def recipe(*overrides: str) -> ImageRecipe:
    return compose_run(["dataset=digits", *overrides]).recipe


def rate(of: ImageRecipe, step: int, steps_per_epoch: int = STEPS) -> float:
    return Schedule(of, steps_per_epoch).rate(step)


@pytest.mark.parametrize(
    ("epoch", "expected"), [(1, 0.1), (80, 0.1), (81, 0.01), (121, 0.01), (122, 0.001), (164, 0.001)]
)
def test_standard_drops_at_the_start_of_epochs_81_and_122(epoch: int, expected: float) -> None:
    """Epochs counted from 1, as GoLU's recipe does."""
    standard = recipe("recipe=standard")
    first, last = (epoch - 1) * STEPS, epoch * STEPS - 1
    assert [rate(standard, step) for step in (first, last)] == pytest.approx([expected, expected])


def test_strong_is_half_a_cosine_to_zero() -> None:
    strong = recipe("recipe=strong")
    total = strong.epochs * STEPS
    assert rate(strong, 0) == 0.1
    assert rate(strong, total // 2) == pytest.approx(0.05)
    assert rate(strong, total // 3) == pytest.approx(0.075)
    assert rate(strong, total - 1) == pytest.approx(0.1 * (math.pi / total) ** 2 / 4, rel=1e-6)


def test_warm_up_is_linear_and_the_cosine_begins_after_it() -> None:
    warm = recipe("recipe=short", "recipe.warmup_epochs=0.5", "recipe.epochs=2")
    assert [rate(warm, step, 20) for step in range(10)] == pytest.approx([0.01 * (step + 1) for step in range(10)])
    assert rate(warm, 10, 20) == 0.1
    assert rate(warm, 25, 20) == pytest.approx(0.05)


def test_constant() -> None:
    constant = recipe("recipe=digits", "recipe.schedule=constant", "recipe.warmup_epochs=0")
    assert {rate(constant, step) for step in (0, 999)} == {0.1}


def test_a_milestone_every_so_many_epochs() -> None:
    """EfficientNet's 0.97 every 2.4 epochs; and 30 epochs are milestones at 30, 60, 90."""
    every = recipe("recipe=short", "recipe.schedule=step", "recipe.step_epochs=2.4", "recipe.lr_factor=0.97")
    for epoch, passed in ((1, 0), (2.39, 0), (2.4, 1), (4.79, 1), (4.8, 2), (7.3, 3)):
        assert rate(every, round(epoch * 1000), 1000) == pytest.approx(0.1 * 0.97**passed)
    same = recipe("recipe=standard", "recipe.milestones=[30,60,90]")
    third = recipe("recipe=standard", "recipe.milestones=[]", "recipe.step_epochs=30")
    assert [rate(same, step, 10) for step in range(1000)] == [rate(third, step, 10) for step in range(1000)]


@pytest.fixture
def model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.PReLU(), nn.Flatten(), nn.Linear(2, 2))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weight_decay_reaches_everything_or_spares_biases_and_normalisation(model: nn.Module, optimizer: str) -> None:
    line = ("recipe=standard", f"recipe.optimizer={optimizer}")
    (group,) = make_optimizer(model, recipe(*line), fused=False).param_groups
    assert (len(group["params"]), group["weight_decay"]) == (7, 1e-4)
    decayed, spared = make_optimizer(model, recipe(*line, "recipe.decay_all=false"), fused=False).param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 1, 3, 3), (2, 2)]
    assert (decayed["weight_decay"], spared["weight_decay"], len(spared["params"])) == (1e-4, 0.0, 5)


def test_sgd_and_adamw_take_their_settings(model: nn.Module) -> None:
    sgd = make_optimizer(model, recipe("recipe=strong"), fused=False)
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.param_groups[0]["momentum"], sgd.param_groups[0]["nesterov"]) == (0.9, True)
    adamw = make_optimizer(model, recipe("recipe.optimizer=adamw", "recipe.betas=[0.8,0.95]"), fused=False)
    assert isinstance(adamw, torch.optim.AdamW)
    assert adamw.param_groups[0]["betas"] == (0.8, 0.95)


def test_rmsprop_as_tensorflow_has_it() -> None:
    """By hand: mean squares begin at 1, ε = 0.001 below the root, the momentum holds steps of the rate."""
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    model = nn.Module()
    model.weight = weight
    line = ("recipe=strong", "recipe.optimizer=rmsprop_tf", "recipe.nesterov=false", "recipe.weight_decay=0.1")
    optimizer = make_optimizer(model, recipe(*line, "recipe.lr=0.05"), fused=True)
    value, square, step = weight.detach().clone(), torch.ones(2), torch.zeros(2)
    for gradient in (torch.tensor([0.3, 4.0]), torch.tensor([-1.0, 0.5])):
        weight.grad = gradient.clone()
        optimizer.step()
        total = gradient + 0.1 * value
        square = 0.9 * square + 0.1 * total**2
        step = 0.9 * step + 0.05 * total / (square + 1e-3).sqrt()
        value = value - step
        torch.testing.assert_close(weight.detach(), value)
