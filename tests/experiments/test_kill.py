"""Killed at any moment, also inside a save, and run again, a run ends bit-identical to one that was left alone."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from experiments.files import read_json
from tests.experiments.results import TINY, directory_of, result
from tests.experiments.zygote import ROOT, Command, Zygote, environment

EVERY_STEP = "impl.save_every_seconds=0"
ATTEMPTS = 20


class Undisturbed(NamedTuple):
    result: dict[str, Any]
    seconds: float  # from the creation of its directory to its end, saving after every step


@pytest.fixture(scope="module")
def undisturbed(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A run without a single save on the way, so that what is compared does not depend on saving."""
    alone, timed = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("timed")
    assert train.run(*TINY, f"runs_dir={alone}").status == 0
    command = train.start(*TINY, EVERY_STEP, f"runs_dir={timed}")
    await_directory(command, timed)
    started = time.monotonic()
    assert command.wait().status == 0
    return Undisturbed(result(alone), time.monotonic() - started)


def await_directory(command: Command, runs_dir: Path) -> None:
    while not any(runs_dir.glob("*/*/seed*")):
        assert command.running(), command.wait()
        time.sleep(0.001)


def at_random(seed: int, undisturbed: Undisturbed) -> Callable[[Command, Path], None]:
    """Waits for a moment drawn from the whole life of the run directory."""
    draw = random.Random(seed)

    def wait(command: Command, runs_dir: Path) -> None:
        await_directory(command, runs_dir)
        time.sleep(draw.uniform(0, undisturbed.seconds))

    return wait


def inside_a_save(seed: int) -> Callable[[Command, Path], None]:
    """Waits until, after a random number of saves, the temporary file of one is there."""
    draw = random.Random(seed)

    def wait(command: Command, runs_dir: Path) -> None:
        await_directory(command, runs_dir)
        folder = directory_of(runs_dir) / "checkpoints"
        after = folder / f"step{draw.randrange(1, 40):09d}.pt"
        while command.running() and not after.exists():
            pass
        while command.running() and not any(folder.glob("*.tmp")):
            pass

    return wait


def interrupt(
    train: Zygote, folder: Path, number: int, moment: Callable[[Command, Path], None], status: int
) -> tuple[Path, bool]:
    """Send the signal at the moment; a run that was over before is left and another is begun.

    Returns its runs_dir, and whether the signal came inside a save.
    """
    for attempt in range(ATTEMPTS):
        runs_dir = folder / str(attempt)
        command = train.start(*TINY, EVERY_STEP, f"runs_dir={runs_dir}")
        moment(command, runs_dir)
        command.send(number)
        ended = command.wait()
        assert ended.status in (status, 0), ended
        directory = directory_of(runs_dir)
        if ended.status == status and not (directory / "metrics.json").exists():
            return runs_dir, any((directory / "checkpoints").glob("*.tmp"))
    raise AssertionError(f"{ATTEMPTS} runs were over before the signal came")


def continues(train: Zygote, runs_dir: Path, undisturbed: Undisturbed) -> None:
    ended = train.run(*TINY, EVERY_STEP, f"runs_dir={runs_dir}")
    assert (ended.status, ended.err) == (0, "")
    assert result(runs_dir) == undisturbed.result
    assert not list(runs_dir.rglob("*.tmp"))


def parts(runs_dir: Path) -> list[dict[str, Any]]:
    starts: list[dict[str, Any]] = read_json(directory_of(runs_dir) / "meta.json")["parts"]
    return starts


def cases(quick: int, full: int) -> list[Any]:
    """``quick`` cases always, the rest of ``full`` with the slow tests."""
    return [pytest.param(seed, marks=[pytest.mark.slow] if seed >= quick else []) for seed in range(full)]


@pytest.mark.parametrize("seed", cases(6, 28))
def test_sigkill_at_a_random_moment(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    moment = at_random(seed, undisturbed)
    runs_dir, _ = interrupt(train, tmp_path, signal.SIGKILL, moment, -signal.SIGKILL)
    continues(train, runs_dir, undisturbed)


@pytest.mark.parametrize("seed", cases(3, 12))
def test_sigkill_inside_a_save(train: Zygote, tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    for attempt in range(ATTEMPTS):
        moment = inside_a_save(100 * seed + attempt)
        runs_dir, hit = interrupt(train, tmp_path / str(attempt), signal.SIGKILL, moment, -signal.SIGKILL)
        if hit:
            return continues(train, runs_dir, undisturbed)
    raise AssertionError("no kill came inside a save")


@pytest.mark.parametrize("seed", cases(2, 40))
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_a_stop_signal_saves_and_exits_75(
    train: Zygote, tmp_path: Path, undisturbed: Undisturbed, number: signal.Signals, seed: int
) -> None:
    moment = at_random(1000 + seed, undisturbed)
    runs_dir, hit = interrupt(train, tmp_path, number, moment, 75)
    assert not hit, "a save was cut"
    continues(train, runs_dir, undisturbed)


def test_a_stop_signal_before_training_also_exits_75(train: Zygote, tmp_path: Path) -> None:
    """Imports, composition and data take seconds; a scheduler requeues by the exit status."""
    for attempt in range(ATTEMPTS):
        runs_dir = tmp_path / str(attempt)
        command = train.start(*TINY, f"runs_dir={runs_dir}")
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
