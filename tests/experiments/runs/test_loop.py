"""The loop against a plain one, divergence, and resuming from any step."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.experiments.results import TINY, bits, directory_of, tree
from tests.experiments.training import finish, make_trainer
from tests.experiments.zygote import Zygote

CPU = torch.device("cpu")
SMALL = ("dataset=digits", "recipe=digits", "model=mlp", "model.width=16", "recipe.epochs=1", "recipe.log_every=4")


trainer = functools.partial(make_trainer, *SMALL)


def test_equals_a_plain_loop() -> None:
    subject, task = trainer("recipe.schedule=constant", "recipe.warmup_epochs=0"), trainer().task
    optimizer = torch.optim.SGD(task.model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    task.model.train()
    losses = []
    for step in range(22):
        loss = task.loss(task.batch(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    lines = finish(subject)
    assert [line["step"] for line in lines] == [4, 8, 12, 16, 20, 22]
    assert lines[0]["train_loss"] == pytest.approx(sum(losses[:4]) / 4, rel=1e-4)
    assert lines[-1]["train_loss"] == pytest.approx(sum(losses[20:]) / 2, rel=1e-3)
    assert lines[-1]["test_loss"] == pytest.approx(task.evaluate()["test_loss"], rel=1e-3)
    assert "test_loss" not in lines[0]


@pytest.mark.parametrize("at", [1, 5, 8, 21, 22])
def test_resumed_at_any_step_it_ends_the_same(at: int) -> None:
    """Also between two lines of the log, when half of a mean loss is already summed."""
    line = ("recipe.augment=crop", "recipe.optimizer=adamw", "recipe.lr=1e-3", "recipe.warmup_epochs=0.5")
    whole, half, rest = trainer(*line), trainer(*line), trainer(*line)
    lines = finish(whole)
    begun = [half.advance() for _ in range(at)]
    buffer = io.BytesIO()
    torch.save(half.state(), buffer)
    buffer.seek(0)
    rest.load(torch.load(buffer, weights_only=True))
    assert rest.step == at
    done = sum(line is not None for line in begun)
    assert finish(rest) == lines[done:]
    assert bits(rest.state()) == bits(whole.state()) | {"seconds": rest.seconds}


def test_a_state_is_loaded_with_the_optimisers_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch puts AdamW's count of steps where the state's ``fused`` says: on the CPU without, with it on the GPU."""
    line = ("recipe.optimizer=adamw", "recipe.lr=1e-3")
    state = trainer(*line, "impl=deterministic").state()
    other = trainer(*line)
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(other.optimizer, "load_state_dict", given.append)
    other.load(state)
    assert [group["fused"] for group in state["optimizer"]["param_groups"]] == [False]
    assert [group["fused"] for group in given[0]["param_groups"]] == [True]


def test_clipping_limits_the_step_and_logs_the_norm_before_it() -> None:
    lines = finish(trainer("recipe.clip=0.01", "recipe.log_every=1"))
    free = finish(trainer("recipe.log_every=1"))
    assert lines[0]["gradient_norm"] == pytest.approx(free[0]["gradient_norm"])
    assert lines[0]["gradient_norm"] > 0.01
    assert lines[-1]["train_loss"] > free[-1]["train_loss"]


def test_max_steps_and_eval_every() -> None:
    lines = finish(trainer("recipe.epochs=4", "recipe.eval_every=2", "recipe.max_steps=70", "recipe.log_every=1000"))
    assert [line["step"] for line in lines] == [44, 70]
    assert all("test_accuracy" in line for line in lines)


def test_the_first_bad_step_is_recorded() -> None:
    subject = trainer()
    original = subject.loss
    calls = iter(range(1, 100))
    subject.loss = lambda batch: original(batch) * (float("nan") if next(calls) == 6 else 1.0)
    lines = finish(subject)
    assert lines[-1]["step"] == 8
    assert lines[-1]["diverged_at_step"] == 6
    assert subject.diverged
    assert subject.done


def test_a_diverged_run_is_recorded_and_says_so_again(train: Zygote, tmp_path: Path) -> None:
    line = [*TINY, "recipe.lr=1e30", f"runs_dir={tmp_path}"]
    first = train.run(*line)
    directory = directory_of(tmp_path)
    before = tree(directory)
    again = train.run(*line)
    assert (first.status, again.status) == (3, 3)
    assert first.out.splitlines()[-1] == again.out.splitlines()[-1]
    assert again.out.startswith("diverged: loss or gradient not finite at step ")
    assert tree(directory) == before
    result = json.loads((directory / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert result["status"] == "diverged"
    assert 1 <= result["diverged_at_step"] <= 22
    for text in (directory / "metrics.jsonl").read_text().splitlines():
        json.loads(text, parse_constant=pytest.fail)
