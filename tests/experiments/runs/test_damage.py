"""Damage to an interrupted run: noticed, reported in one line, never made worse, and undone by putting it right."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.results import TINY, directory_of, result, tree
from tests.experiments.test_bad_input import is_one_error_line
from tests.experiments.zygote import Zygote


@pytest.fixture(scope="module")
def undisturbed(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    runs_dir = tmp_path_factory.mktemp("alone")
    assert train.run(*TINY, f"runs_dir={runs_dir}").status == 0
    return result(runs_dir)


@pytest.fixture(scope="module")
def killed(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run killed in its second epoch: two checkpoints, and a line of metrics.jsonl that both rely on."""
    runs_dir = tmp_path_factory.mktemp("killed")
    command = train.start(*TINY, "impl.save_every_seconds=0", f"runs_dir={runs_dir}")
    while not any(runs_dir.glob("*/*/seed*/checkpoints/step00000003?.pt")):
        assert command.running(), command.wait()
    command.send(signal.SIGKILL)
    assert command.wait().status == -signal.SIGKILL
    assert len(list((directory_of(runs_dir) / "checkpoints").glob("*.pt"))) >= 2
    return runs_dir


@pytest.fixture
def run(killed: Path, tmp_path: Path) -> Path:
    """The directory of a copy of the killed run, below ``tmp_path``."""
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    return directory_of(tmp_path)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def checkpoints(run: Path) -> list[Path]:
    """The two or, killed before the oldest was removed, three checkpoints, newest first."""
    return sorted((run / "checkpoints").glob("*.pt"), reverse=True)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [flip, truncate])
def test_the_checkpoint_before_is_used(
    train: Zygote, tmp_path: Path, run: Path, undisturbed: dict[str, Any], damage: Callable[[Path], None]
) -> None:
    broken = checkpoints(run)[0]
    damage(broken)
    content = broken.read_bytes()
    ended = train.run(*TINY, f"runs_dir={tmp_path}")
    assert ended.status == 0
    assert ended.err.startswith(f"warning: {broken} is damaged (")
    assert ended.err.count("\n") == 1
    assert broken.with_name(f"{broken.name}.broken").read_bytes() == content
    assert result(tmp_path) == undisturbed


def all_checkpoints(run: Path) -> None:
    for path in checkpoints(run):
        flip(path)


def shorten_the_log(run: Path) -> None:
    (run / "metrics.jsonl").write_bytes(b"")


def alter_the_log(run: Path) -> None:
    text = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(text.replace('"step": 22', '"step": 21'))


def damage_meta(text: str) -> Callable[[Path], None]:
    return lambda run: (run / "meta.json").write_text(text) and None


def another_format(run: Path) -> None:
    meta = json.loads((run / "meta.json").read_text())
    (run / "meta.json").write_text(json.dumps(meta | {"format": 99}))


def another_run(run: Path) -> None:
    meta = json.loads((run / "meta.json").read_text())
    (run / "meta.json").write_text(json.dumps(meta | {"seed": 5}))


def another_format_finished(run: Path) -> None:
    (run / "metrics.json").write_text('{"format": 99}')


def damaged_result(run: Path) -> None:
    (run / "metrics.json").write_text('{"format": 1, "sta')


@pytest.mark.parametrize(
    ("damage", "parts"),
    [
        (all_checkpoints, ["no usable checkpoint is left", "its checksum differs", "away"]),
        (shorten_the_log, ["no usable checkpoint is left", "metrics.jsonl no longer begins with", "away"]),
        (alter_the_log, ["no usable checkpoint is left", "metrics.jsonl no longer begins with", "away"]),
        (damage_meta(""), ["meta.json: damaged", "away"]),
        (damage_meta("[]"), ["meta.json: damaged", "away"]),
        (damage_meta('{"format": 1, "run": "x", "seed": 0}'), ["meta.json: damaged", "parts"]),
        (another_format, ["another version of this suite", "format 99", "reads 1"]),
        (another_run, ["holds another run", "seed 5"]),
        (another_format_finished, ["another version of this suite", "format 99"]),
        (damaged_result, ["metrics.json: damaged", "away"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_one_line_nothing_lost_and_continued_once_put_right(
    train: Zygote,
    tmp_path: Path,
    run: Path,
    undisturbed: dict[str, Any],
    damage: Callable[[Path], None],
    parts: list[str],
) -> None:
    sound = tree(run)
    damage(run)
    before = tree(run)
    assert is_one_error_line(train.run(*TINY, f"runs_dir={tmp_path}"), *parts)
    assert {**tree(run), "lock": b""} == {**before, "lock": b""}  # the lock names its last holder
    for name in set(before) - set(sound):
        (run / name).unlink()
    for name, content in sound.items():
        if content is not None:
            (run / name).write_bytes(content)
    assert train.run(*TINY, f"runs_dir={tmp_path}").status == 0
    assert result(tmp_path) == undisturbed


def test_finished_is_not_trained_again(train: Zygote, tmp_path: Path, run: Path) -> None:
    assert train.run(*TINY, f"runs_dir={tmp_path}").status == 0
    before = tree(run)
    ended = train.run(*TINY, f"runs_dir={tmp_path}")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("finished before: ")
    assert tree(run) == before
