"""A network that solves an equation ends bit-identical too when it is killed, within Adam's steps and L-BFGS's."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.experiments.killing import Undisturbed, cases, ends_alike, leave_alone
from tests.experiments.zygote import Zygote

LINE = (
    *("dataset=burgers", "model=pinn", "model.width=8", "model.depth=2", "recipe.points=36", "activation=gem", "N=2"),
    *("recipe.steps=40", "recipe.lbfgs_steps=12", "recipe.log_every=3", "recipe.eval_every_steps=8"),
    "impl=deterministic",
)


@pytest.fixture(scope="module")
def undisturbed(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return leave_alone(train, LINE, tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("seed", cases(1, 20))
def test_sigkill_at_a_random_moment(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, undisturbed, signal.SIGKILL, seed)


@pytest.mark.parametrize("seed", cases(0, 8))
def test_a_stop_signal_saves_and_exits_75(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, undisturbed, signal.SIGUSR2, 1000 + seed)
