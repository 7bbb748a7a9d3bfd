"""Diffusion models and translators killed at any moment end bit-identical too: noise, batches and dropout included."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.families.diffusion.example import TINY_UNET
from experiments.families.translation.example import TINY_MARIAN, write_pairs
from tests.experiments.killing import Undisturbed, cases, ends_alike, leave_alone
from tests.experiments.zygote import Zygote, zygote

LIBRARIES = ("diffusers.models.unets.unet_2d", "transformers.models.marian.modeling_marian", "sacrebleu")
COMMON = ["recipe.steps=40", "recipe.log_every=3", "recipe.eval_every_steps=20", "impl=deterministic"]
LINES = {
    "diffusion": [*TINY_UNET, "model.dropout=0.2", "recipe.ema=0.9", "recipe.mirror=true", "recipe.batch_size=16"],
    "translation": [*TINY_MARIAN, "model.dropout=0.2", "recipe.ema=0.9", "recipe.accumulate=2"],
}


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    for library in ("diffusers", "transformers", "sacrebleu"):
        pytest.importorskip(library)
    with zygote(tmp_path_factory.mktemp("output"), LIBRARIES) as server:
        yield server


@pytest.fixture(scope="module", params=LINES)
def undisturbed(train: Zygote, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Undisturbed:
    folder = tmp_path_factory.mktemp(request.param)
    write_pairs(folder / "data" / "films")
    places = [f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]
    return leave_alone(train, [*LINES[request.param], *COMMON, *places], folder)


@pytest.mark.parametrize("seed", cases(1, 15))
def test_sigkill_at_a_random_moment(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, undisturbed, signal.SIGKILL, seed)


@pytest.mark.parametrize("seed", cases(0, 10))
def test_a_stop_signal_saves_and_exits_75(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, undisturbed, signal.SIGUSR2, 1000 + seed)
