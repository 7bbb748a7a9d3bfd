"""An ensemble steps as its members would alone, whatever the network, optimiser, augmentation and activation."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from experiments.config import compose_run
from experiments.loop import Trainer
from experiments.tasks import build_task
from experiments.together.ensemble import Ensemble
from tests.experiments.results import bits, distance

CPU = torch.device("cpu")
LINE = ("dataset=digits", "recipe=digits", "recipe.log_every=10")
STEPS = 50
CASES = {
    "mlp": ("model=mlp", "model.width=64", "activation=gelu"),
    "cnn": ("model=cnn", "model.width=8", "activation=egem", "recipe.lr=0.01"),  # at 0.1 it amplifies any rounding
    "augmented": ("model=cnn", "model.width=8", "activation=golu", "recipe.augment=crop", "recipe.nesterov=true"),
    "adamw": ("model=cnn", "model.width=8", "activation=segem", "recipe=digits", "recipe.optimizer=adamw",
              "recipe.lr=1e-3", "recipe.decay_all=false", "recipe.label_smoothing=0.1"),
    "clipped": ("model=mlp", "model.width=32", "activation=gem", "N=2", "recipe.clip=0.5"),
    "resnet8": ("model=resnet20", "model.depth=8", "+model.width=4", "activation=mish", "recipe.lr=0.01"),
    "resnet8 padded": ("model=resnet20", "model.depth=8", "+model.width=4", "model.shortcut=identity_pad"),
}  # fmt: skip


def trainers(count: int, *overrides: str) -> list[Trainer]:
    config = compose_run([*LINE, *overrides])
    made = []
    for seed in range(count):
        one = dataclasses.replace(config, seed=seed)
        made.append(Trainer(build_task(one, CPU), one.recipe, one.impl, CPU))
    return made


def timeless(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "seconds"}


QUICK = ("mlp", "cnn", "adamw", "clipped")


@pytest.mark.parametrize("case", [pytest.param(c, marks=[] if c in QUICK else pytest.mark.slow) for c in CASES])
def test_members_equal_single_runs_after_fifty_steps(case: str) -> None:
    """Weights, moments, BatchNorm statistics and the logged lines, the evaluations among them."""
    alone, members = trainers(2, *CASES[case]), trainers(2, *CASES[case])
    lines = [[trainer.advance() for _ in range(STEPS)] for trainer in alone]
    ensemble = Ensemble(members)
    together = list(zip(*(ensemble.advance() for _ in range(STEPS)), strict=True))
    ensemble.hand_back()
    for single, member, own, shared in zip(alone, members, lines, together, strict=True):
        assert distance(member.task.model.state_dict(), single.task.model.state_dict()) < 1e-5
        assert distance(timeless(member.state()), timeless(single.state())) < 1e-3  # the moments, which are smaller
        for line, same in zip(own, shared, strict=True):
            assert (line is None) == (same is None)
            if line is not None and same is not None:
                assert distance(timeless(same), timeless(line)) < 1e-4


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_members_may_have_values_of_eps_of_their_own(compiled: bool) -> None:
    line = ("model=cnn", "model.width=8", "activation=segem", "recipe.lr=0.01")
    values = ("1", "0.1", "10")
    alone, members = ([trainers(1, *line, f"eps={eps}")[0] for eps in values] for _ in range(2))
    ensemble = Ensemble(members, dataclasses.replace(compose_run([*LINE]).impl, compile=compiled))
    for _ in range(STEPS):
        ensemble.advance()
        for trainer in alone:
            trainer.advance()
    ensemble.hand_back()
    ends = [trainer.task.model.state_dict() for trainer in members]
    for member, single in zip(ends, alone, strict=True):
        assert distance(member, single.task.model.state_dict()) < 1e-5
    assert distance(ends[0], ends[1]) > 0.01


def test_members_are_seeds_of_their_own() -> None:
    """Different weights, batches and results; the order of the members does not matter."""
    members = trainers(3, *CASES["cnn"])
    ensemble = Ensemble(members)
    for _ in range(3):
        ensemble.advance()
    assert len({str(bits(trainer.task.model.state_dict())) for trainer in members}) == 3
    turned = trainers(3, *CASES["cnn"])[::-1]
    ensemble = Ensemble(turned)
    for _ in range(3):
        ensemble.advance()
    for one, other in zip(members, turned[::-1], strict=True):
        assert distance(one.task.model.state_dict(), other.task.model.state_dict()) < 1e-6


@pytest.mark.parametrize("case", ["cnn", "adamw"])
def test_taken_apart_and_put_together_again_nothing_changes(case: str) -> None:
    """As after a divergence, or when a group is resumed; also a state that went through a single trainer."""
    whole, parts = trainers(2, *CASES[case]), trainers(2, *CASES[case])
    ensemble = Ensemble(whole)
    for _ in range(12):
        ensemble.advance()
    ensemble.hand_back()
    for steps in (0, 5, 1, 6):
        ensemble = Ensemble(parts)
        for _ in range(steps):
            ensemble.advance()
        ensemble.hand_back()
        fresh = trainers(2, *CASES[case])
        for trainer, before in zip(fresh, parts, strict=True):
            trainer.load(before.state())
        parts = fresh
    for one, other in zip(whole, parts, strict=True):
        assert (one.step, one.loss_count) == (other.step, other.loss_count)
        assert distance(one.loss_sum, other.loss_sum) < 1e-5
        assert distance(one.task.model.state_dict(), other.task.model.state_dict()) < 1e-5
        assert distance(one.optimizer.state_dict()["state"], other.optimizer.state_dict()["state"]) < 1e-3


def test_a_member_that_diverges_does_not_touch_the_others() -> None:
    sound, mixed = trainers(3, *CASES["cnn"]), trainers(3, *CASES["cnn"])
    with torch.no_grad():
        next(mixed[1].task.model.parameters()).fill_(float("nan"))
    for members in (sound, mixed):
        ensemble = Ensemble(members)
        for _ in range(10):
            ensemble.advance()
        ensemble.hand_back()
    assert [trainer.diverged for trainer in mixed] == [False, True, False]
    assert mixed[1].first_bad.item() == 1
    for index in (0, 2):
        assert distance(timeless(mixed[index].state()), timeless(sound[index].state())) < 1e-4
