"""A disk that is full during a save, or read-only: one clear line, and the run continues when there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.experiments.results import TINY, result, tree
from tests.experiments.test_bad_input import is_one_error_line
from tests.experiments.zygote import Zygote

EVERY_STEP = "impl.save_every_seconds=0"
Mount = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Mount]]:
    """A file system in memory, and the function that mounts it with options or changes them."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def mount(options: str) -> None:
        nonlocal mounted
        options = f"remount,{options}" if mounted else options
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root may mount a small disk")
        mounted = True

    yield place, mount
    if mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_full_during_a_save(train: Zygote, tmp_path: Path, disk: tuple[Path, Mount]) -> None:
    """There is room for one checkpoint of 280 kB and not for two."""
    place, mount = disk
    mount("size=400k")
    ended = train.run(*TINY, EVERY_STEP, f"runs_dir={place}")
    assert is_one_error_line(ended, "No space left on device", "run the same command again", str(place))
    assert [path.name for path in place.rglob("step*")] == ["step000000001.pt"]
    assert not list(place.rglob("*.tmp"))
    mount("size=4m")
    assert train.run(*TINY, EVERY_STEP, f"runs_dir={place}").status == 0
    assert train.run(*TINY, f"runs_dir={tmp_path / 'alone'}").status == 0
    assert result(place) == result(tmp_path / "alone")


def test_full_before_anything_is_written(train: Zygote, disk: tuple[Path, Mount]) -> None:
    place, mount = disk
    mount("size=4k")
    (place / "filler").write_bytes(b"x" * 4096)
    ended = train.run(*TINY, f"runs_dir={place}")
    assert is_one_error_line(ended, "No space left on device", "run the same command again")


def test_files_limited_in_size(train: Zygote, tmp_path: Path) -> None:
    """The same failure without a mount: the kernel refuses what is beyond the limit (EFBIG)."""
    limited = train.run(*TINY, EVERY_STEP, f"runs_dir={tmp_path / 'a'}", limit=100_000)
    assert is_one_error_line(limited, "File too large", "run the same command again")
    assert not list(tmp_path.rglob("*.tmp"))
    assert train.run(*TINY, f"runs_dir={tmp_path / 'a'}").status == 0
    assert train.run(*TINY, f"runs_dir={tmp_path / 'b'}").status == 0
    assert result(tmp_path / "a") == result(tmp_path / "b")


def test_read_only(train: Zygote, disk: tuple[Path, Mount]) -> None:
    place, mount = disk
    mount("ro")
    assert is_one_error_line(train.run(*TINY, f"runs_dir={place}/runs"), f"runs_dir={place}/runs", "Read-only")
    assert tree(place) == {}
