"""A language model killed at any moment ends bit-identical too, the order of its text included."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from experiments.families.text.example import TINY_BERT, write_corpus
from tests.experiments.killing import Undisturbed, cases, ends_alike, leave_alone
from tests.experiments.zygote import Zygote


@pytest.fixture(scope="module")
def undisturbed(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Two epochs and a half over the text, so that order and shift are drawn three times."""
    folder = tmp_path_factory.mktemp("text")
    write_corpus(folder / "data" / "reviews", documents=300)
    places = [f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]
    line = [*TINY_BERT, *places, "recipe.steps=60", "recipe.log_every=3", "impl=deterministic", "impl.micro_batch=7"]
    return leave_alone(train, line, folder)


@pytest.mark.parametrize("seed", cases(3, 20))
def test_sigkill_at_a_random_moment(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, undisturbed, signal.SIGKILL, seed)


@pytest.mark.parametrize("seed", cases(1, 20))
def test_a_stop_signal_saves_and_exits_75(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, undisturbed, signal.SIGUSR2, 1000 + seed)
