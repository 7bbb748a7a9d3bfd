"""A detector killed at any moment ends bit-identical too: what it samples, and pictures that workers decode."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from experiments.families.scenes.example import TINY
from tests.experiments.families.scenes.coco_folder import write_coco
from tests.experiments.killing import Undisturbed, cases, ends_alike, leave_alone
from tests.experiments.zygote import Zygote

LENGTH = ("recipe.steps=16", "recipe.eval_every_steps=8", "recipe.log_every=3", "impl=deterministic")


@pytest.fixture(scope="module")
def composed(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Two epochs and more of a network that samples anchors and boxes, in parts of a batch."""
    line = [*TINY, "model=faster_rcnn", *LENGTH, "recipe.accumulate=2"]
    return leave_alone(train, line, tmp_path_factory.mktemp("composed"))


@pytest.fixture(scope="module")
def files(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Picture files, resized, mirrored and cut out at random by two workers; and dropout."""
    folder = tmp_path_factory.mktemp("files")
    write_coco(folder / "data" / "coco")
    line = ["dataset=coco", "model=deeplab", "model.dropout=true", *LENGTH, f"data_dir={folder / 'data'}"]
    line += ["recipe.batch_size=3", "recipe.warmup_steps=2", "recipe.flip=0.5", "recipe.train_sides=[40,72,8]"]
    return leave_alone(train, [*line, "recipe.crop=48", "impl.workers=2"], folder)


@pytest.mark.parametrize("seed", cases(2, 20))
def test_sigkill_at_a_random_moment(train: Zygote, tmp_path: Path, composed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, composed, signal.SIGKILL, seed)


@pytest.mark.parametrize("seed", cases(2, 20))
def test_sigkill_with_workers(train: Zygote, tmp_path: Path, files: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, files, signal.SIGKILL, 100 + seed)


@pytest.mark.parametrize("seed", cases(1, 20))
def test_a_stop_signal_saves_and_exits_75(train: Zygote, tmp_path: Path, files: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, files, signal.SIGUSR2, 1000 + seed)
