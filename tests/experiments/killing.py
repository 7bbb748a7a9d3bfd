"""Killing a run at chosen moments, and comparing what continues with one that was left alone."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from experiments.files import read_json
from tests.experiments.results import directory_of, result
from tests.experiments.zygote import Command, Zygote

EVERY_STEP = "impl.save_every_seconds=0"
ATTEMPTS = 20


class Undisturbed(NamedTuple):
    line: tuple[str, ...]  # the command
    result: dict[str, Any]
    seconds: float  # from the creation of its directory to its end, saving after every step


def leave_alone(train: Zygote, line: Sequence[str], folder: Path) -> Undisturbed:
    """A run without a single save on the way, so that what is compared does not depend on saving."""
    alone, timed = folder / "alone", folder / "timed"
    assert train.run(*line, f"runs_dir={alone}").status == 0
    command = train.start(*line, EVERY_STEP, f"runs_dir={timed}")
    await_directory(command, timed)
    started = time.monotonic()
    assert command.wait().status == 0
    return Undisturbed(tuple(line), result(alone), time.monotonic() - started)


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
    train: Zygote,
    line: Sequence[str],
    folder: Path,
    number: int,
    moment: Callable[[Command, Path], None],
    status: int,
) -> tuple[Path, bool]:
    """Send the signal at the moment; a run that was over before is left and another is begun.

    Returns its runs_dir, and whether the signal came inside a save.
    """
    for attempt in range(ATTEMPTS):
        runs_dir = folder / str(attempt)
        command = train.start(*line, EVERY_STEP, f"runs_dir={runs_dir}")
        moment(command, runs_dir)
        command.send(number)
        ended = command.wait()
        assert ended.status in (status, 0), ended
        directory = directory_of(runs_dir)
        if ended.status == status and not (directory / "metrics.json").exists():
            return runs_dir, any((directory / "checkpoints").glob("*.tmp"))
    raise AssertionError(f"{ATTEMPTS} runs were over before the signal came")


def continues(train: Zygote, runs_dir: Path, undisturbed: Undisturbed) -> None:
    ended = train.run(*undisturbed.line, EVERY_STEP, f"runs_dir={runs_dir}")
    assert (ended.status, ended.err) == (0, "")
    assert result(runs_dir) == undisturbed.result
    assert not list(runs_dir.rglob("*.tmp"))


def ends_alike(train: Zygote, folder: Path, undisturbed: Undisturbed, number: signal.Signals, seed: int) -> None:
    """A run that gets the signal at a random moment, then continues, ends as the undisturbed one did.

    A signal that can be handled makes it save and leave with status 75.
    """
    status = -signal.SIGKILL if number == signal.SIGKILL else 75
    runs_dir, _ = interrupt(train, undisturbed.line, folder, number, at_random(seed, undisturbed), status)
    continues(train, runs_dir, undisturbed)


def parts(runs_dir: Path) -> list[dict[str, Any]]:
    starts: list[dict[str, Any]] = read_json(directory_of(runs_dir) / "meta.json")["parts"]
    return starts


def cases(quick: int, full: int) -> list[Any]:
    """``quick`` cases always, the rest of ``full`` with the slow tests."""
    return [pytest.param(seed, marks=[pytest.mark.slow] if seed >= quick else []) for seed in range(full)]
