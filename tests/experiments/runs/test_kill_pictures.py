"""A run on picture files, decoded by several workers, ends bit-identical however it is killed.

Everything that is drawn is drawn here: order, crops, RandAugment, erasing, repeats, mixup, CutMix, dropout, stochastic
depth; and the average of the weights is what is evaluated.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.experiments.families.images.pictures import STREAM, write_pictures
from tests.experiments.killing import Undisturbed, cases, continues, ends_alike, leave_alone
from tests.experiments.zygote import Zygote

RECIPE = {
    "batch_size": 24,
    "accumulate": 2,
    "epochs": 4,
    "log_every": 2,
    "optimizer": "rmsprop_tf",
    "lr": 0.01,
    "ema": 0.8,
    "auto_augment": "rand-m9-mstd0.5",
    "random_erase": 0.3,
    "repeats": 3,
    "mixup": 0.8,
    "cutmix": 1.0,
    "label_smoothing": 0.1,
}
NETWORK = ("model=timm", "model.architecture=test_efficientnet", "model.options={drop_rate: 0.3, drop_path_rate: 0.2}")


@pytest.fixture(scope="module")
def undisturbed(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("pictures")
    write_pictures(folder / "data")
    places = [f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]
    recipe = [f"recipe.{key}={value}" for key, value in RECIPE.items()]
    line = [*STREAM, *NETWORK, *recipe, *places, "activation=egem", "impl.workers=2"]
    return leave_alone(train, line, folder)


@pytest.mark.parametrize("seed", cases(0, 20))
def test_sigkill_at_a_random_moment(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, undisturbed, signal.SIGKILL, seed)


@pytest.mark.parametrize("seed", cases(0, 20))
def test_a_stop_signal_saves_and_exits_75(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, undisturbed, signal.SIGTERM, 1000 + seed)


def test_the_number_of_workers_changes_nothing(train: Zygote, tmp_path: Path, undisturbed: Undisturbed) -> None:
    continues(train, tmp_path, Undisturbed((*undisturbed.line, "impl.workers=0"), undisturbed.result, 0))


def test_workers_leave_signals_to_the_run_and_die_with_it(
    train: Zygote, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    """A scheduler signals every process of a job; a killed run leaves none behind, which would hold its lock."""
    command = train.start(*undisturbed.line, "recipe.epochs=400", f"runs_dir={tmp_path}")
    workers: list[int] = []
    while len(workers) < 2:
        workers = children(command.pid)
        assert command.running(), command.wait()
    time.sleep(0.5)
    for worker in workers:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            os.kill(worker, number)
    time.sleep(0.5)
    assert set(children(command.pid)) >= set(workers)  # an evaluation has workers of its own
    assert command.running()
    command.send(signal.SIGKILL)
    command.wait()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    try:
        return sorted(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    except FileNotFoundError:
        return []
