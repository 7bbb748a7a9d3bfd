"""The last steps by L-BFGS: against torch's own loop, resumed from any step, and where it is refused."""

from __future__ import annotations

import functools
import io
import itertools
import math
from typing import Any

import pytest
import torch

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.runs.lbfgs import HISTORY, ITERATIONS, SCALE
from experiments.runs.loop import Trainer
from experiments.runs.schedule import Schedule
from tests.experiments.results import bits
from tests.experiments.training import finish, make_trainer

CPU = torch.device("cpu")
SMALL = (
    *(
        "dataset=poisson",
        "model=pinn",
        "model.width=6",
        "model.depth=2",
        "recipe.points=16",
        "recipe.lbfgs_points=null",
        "impl=deterministic",
    ),
    *("recipe.steps=12", "recipe.lbfgs_steps=4", "recipe.log_every=3", "recipe.eval_every_steps=6"),
)


trainer = functools.partial(make_trainer, *SMALL)


def test_equals_torch_s_own_loop_on_a_scaled_loss() -> None:
    subject, plain = trainer("recipe.lbfgs_steps=12"), trainer("recipe.lbfgs_steps=12")
    task = plain.task
    optimizer = torch.optim.LBFGS(
        task.model.parameters(), max_iter=ITERATIONS, history_size=HISTORY, tolerance_grad=0, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip
    grid = task.fixed_batch()

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = task.loss(grid) * SCALE
        loss.backward()
        return loss

    before = [optimizer.step(closure).item() / SCALE for _ in range(12)]
    lines = finish(subject)
    assert [line["lr"] for line in lines] == [1.0] * 4
    assert lines[0]["train_loss"] == pytest.approx(sum(before[:3]) / 3, rel=1e-12)
    assert bits(subject.task.model.state_dict()) == bits(task.model.state_dict())
    assert before[-1] < 1e-2 * before[0]


def test_the_scale_changes_no_bit_of_the_first_steps() -> None:
    """A power of two: until torch's absolute thresholds matter, the steps are those on the plain loss."""
    assert math.log2(SCALE).is_integer()
    loss = torch.tensor([0.1, 1 / 3, 7e-13], dtype=torch.float64)
    assert torch.equal(loss * SCALE / SCALE, loss)


@pytest.mark.parametrize("at", [3, 9, *(pytest.param(at, marks=pytest.mark.slow) for at in (8, 11, 12))])
def test_resumed_at_any_step_it_ends_the_same(at: int) -> None:
    """Before L-BFGS, where it begins, and within it; with weights that are averaged, too."""
    whole, half, rest = (trainer("recipe.ema=0.5") for _ in range(3))
    lines = finish(whole)
    begun = [half.advance() for _ in range(at)]
    buffer = io.BytesIO()
    torch.save(half.state(), buffer)
    buffer.seek(0)
    rest.load(torch.load(buffer, weights_only=True))
    done = sum(line is not None for line in begun)
    assert finish(rest) == lines[done:]
    assert bits(rest.state()) == bits(whole.state()) | {"seconds": rest.seconds}
    assert whole.state()["lbfgs"]["state"]


def test_all_l_bfgs_steps_are_on_one_batch_though_adam_s_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = trainer()
    seen: list[Any] = []
    original = subject.loss
    monkeypatch.setattr(subject, "loss", lambda batch: (seen.append(batch[0].clone()), original(batch))[1])
    finish(subject)
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(seen[:8]))
    assert len(seen) > 8 + 4 * ITERATIONS
    assert all(torch.equal(points, subject.task.fixed_batch()[0]) for points in seen[8:])


def test_it_reaches_below_torch_s_own_thresholds() -> None:
    """A quadratic loss far below 1e-10 goes on to fall; unscaled, torch stops at its thresholds."""
    from experiments.runs.lbfgs import LBFGS

    model = torch.nn.Linear(20, 1, bias=False).double()
    target = torch.randn(1, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    curvature = torch.logspace(-2, 0, 20, dtype=torch.float64)
    torch.nn.init.zeros_(model.weight)

    def backward() -> torch.Tensor:
        model.zero_grad()
        loss = 1e-12 * (curvature * (model.weight - target) ** 2).sum()
        loss.backward()
        return loss.detach()

    start = backward().item()
    LBFGS(model).step(backward)
    assert backward().item() < 1e-3 * start


def test_the_schedule_ends_where_it_begins() -> None:
    recipe = compose_run([*SMALL, "recipe.schedule=linear", "recipe.lr=0.5", "recipe.warmup_steps=2"]).recipe
    schedule = Schedule(recipe, 1)
    rates = [schedule.rate(step) for step in range(12)]
    assert rates == pytest.approx([0.25, 0.5, 0.5, 5 / 12, 4 / 12, 0.25, 2 / 12, 1 / 12, 1, 1, 1, 1])
    assert (schedule.total, schedule.first_order) == (12, 8)


def test_max_steps_ends_before_it() -> None:
    subject = trainer("recipe.max_steps=5")
    assert finish(subject)[-1]["step"] == 5
    assert not subject.state()["lbfgs"]["state"]


def test_more_of_them_than_steps_are_refused() -> None:
    with pytest.raises(UserError, match=r"recipe\.lbfgs_steps=13: must be at most 12, the number of steps"):
        trainer("recipe.lbfgs_steps=13")


def test_a_task_without_a_fixed_batch_refuses_them() -> None:
    config = compose_run(["dataset=digits", "recipe=digits", "recipe.lbfgs_steps=1"])
    with pytest.raises(UserError, match=r"recipe\.lbfgs_steps: must be 0"):
        Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)


def test_clipping_is_for_the_first_order_steps_alone() -> None:
    plain, clipped = trainer("recipe.lbfgs_steps=12"), trainer("recipe.lbfgs_steps=12", "recipe.clip=1e-9")
    finish(plain)
    finish(clipped)
    assert bits(plain.task.model.state_dict()) == bits(clipped.task.model.state_dict())
