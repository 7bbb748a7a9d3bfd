"""Killed at any moment, also inside a save, and run again, a run ends bit-identical to one that was left alone."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.experiments.killing import (
    ATTEMPTS,
    EVERY_STEP,
    Undisturbed,
    at_random,
    cases,
    continues,
    ends_alike,
    inside_a_save,
    interrupt,
    leave_alone,
    parts,
)
from tests.experiments.results import TINY, result
from tests.experiments.zygote import ROOT, Zygote, environment


@pytest.fixture(scope="module")
def undisturbed(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return leave_alone(train, TINY, tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("seed", cases(6, 28))
def test_sigkill_at_a_random_moment(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    ends_alike(train, tmp_path, undisturbed, signal.SIGKILL, seed)


@pytest.mark.parametrize("seed", cases(3, 12))
def test_sigkill_inside_a_save(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    for attempt in range(ATTEMPTS):
        moment = inside_a_save(100 * seed + attempt)
        runs_dir, hit = interrupt(train, TINY, tmp_path / str(attempt), signal.SIGKILL, moment, -signal.SIGKILL)
        if hit:
            return continues(train, runs_dir, undisturbed)
    raise AssertionError("no kill came inside a save")


@pytest.mark.parametrize("seed", cases(2, 40))
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_a_stop_signal_saves_and_exits_75(
    train: Zygote, tmp_path: Path, undisturbed: Undisturbed, number: signal.Signals, seed: int
) -> None:
    moment = at_random(1000 + seed, undisturbed)
    runs_dir, hit = interrupt(train, TINY, tmp_path, number, moment, 75)
    assert not hit, "a save was cut"
    continues(train, runs_dir, undisturbed)


def test_a_stop_signal_before_training_also_exits_75(train: Zygote, tmp_path: Path) -> None:
    """Imports, composition and data take seconds; a scheduler requeues by the exit status."""
    for attempt in range(ATTEMPTS):
        runs_dir = tmp_path / str(attempt)
        command = train.start(*TINY, "recipe.epochs=10000", f"runs_dir={runs_dir}")  # never over before the signal
        while not command.err.exists():
            time.sleep(0.001)
        time.sleep(0.05 * attempt)
        command.send(signal.SIGTERM)
        ended = command.wait()
        if ended.err == "stopped by SIGTERM; run the same command again to continue\n":
            assert ended.status == 75
            assert not runs_dir.exists()
            return
        assert ended.status in (75, -signal.SIGTERM)  # in training already; before train.py's first lines
    raise AssertionError("no signal came between the first lines and the training")


def test_killed_again_and_again(train: Zygote, tmp_path: Path, undisturbed: Undisturbed) -> None:
    for step in (5, 12, 20, 30):
        command = train.start(*TINY, EVERY_STEP, f"runs_dir={tmp_path}")
        while not any(tmp_path.glob(f"*/*/seed*/checkpoints/step{step:09d}.pt")):
            assert command.running(), command.wait()
        command.send(signal.SIGKILL)
        assert command.wait().status == -signal.SIGKILL
    continues(train, tmp_path, undisturbed)
    resumed = [part["from_step"] for part in parts(tmp_path)]
    assert all(begun >= saved for begun, saved in zip(resumed, (0, 5, 12, 20, 30), strict=True)), resumed


@pytest.mark.parametrize("first", [1, *(pytest.param(first, marks=pytest.mark.slow) for first in (2, 3))])
def test_killed_before_every_third_thing_it_does_to_its_files(train: Zygote, tmp_path: Path, first: int) -> None:
    """Opening, renaming, removing, listing, making: so between any two of them, however rarely chance comes there."""
    line = (*TINY, "recipe.max_steps=2", "recipe.log_every=1", EVERY_STEP)
    assert train.run(*line, f"runs_dir={tmp_path / 'alone'}").status == 0
    alone = result(tmp_path / "alone")
    for number in itertools.count(first, 3):
        runs_dir = tmp_path / str(number)
        ended = train.start(*line, f"runs_dir={runs_dir}", killed=(runs_dir, number)).wait()
        if ended.status == 0:
            break
        assert ended.status == -signal.SIGKILL
        assert train.run(*line, f"runs_dir={runs_dir}").status == 0, number
        assert result(runs_dir) == alone, number
    assert number > 35


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, *(pytest.param(s, marks=pytest.mark.slow) for s in (signal.SIGTERM, signal.SIGUSR2))]
)
def test_the_real_command_line(tmp_path: Path, undisturbed: Undisturbed, number: signal.Signals) -> None:
    line = [sys.executable, "train.py", *TINY, EVERY_STEP, f"runs_dir={tmp_path}"]
    process = subprocess.Popen(line, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True)
    while not any(tmp_path.glob("*/*/seed*/checkpoints/step*")):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(number)
    _, stderr = process.communicate()
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 75)
    assert stderr.count("\n") == (number != signal.SIGKILL)
    subprocess.run(line, cwd=ROOT, env=environment(), check=True, capture_output=True)
    assert result(tmp_path) == undisturbed.result
