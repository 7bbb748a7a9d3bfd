"""Fifty processes that need the same file at once download it once; a failure leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.families.download import fetch_once
from tests.experiments.results import tree

COUNT = 50


def fetch_slowly(data_dir: Path, count: Path) -> None:
    def fetch(folder: str) -> None:
        with open(count, "a") as file:
            file.write("x")
        (Path(folder) / "SET").mkdir()
        time.sleep(0.3)
        (Path(folder) / "SET" / "file").write_text("data")

    fetch_once(data_dir, "SET", fetch, missing=data_dir / "SET")
    assert (data_dir / "SET" / "file").read_text() == "data"


def test_one_of_fifty_downloads(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    arguments = (tmp_path / "new" / "data", tmp_path / "count")
    processes = [fork.Process(target=fetch_slowly, args=arguments) for _ in range(COUNT)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * COUNT
    assert (tmp_path / "count").read_text() == "x"
    assert {name for name in tree(tmp_path / "new" / "data") if not name.startswith(".")} == {"SET", "SET/file"}


@pytest.mark.parametrize("error", [RuntimeError("Error downloading x"), OSError(28, "No space left on device")])
@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, error: Exception, existing: bool) -> None:
    data_dir = tmp_path / "some" / "where"
    if existing:
        data_dir.mkdir(parents=True)
    before = tree(tmp_path)

    def fetch(folder: str) -> None:
        (Path(folder) / "half").write_text("da")
        raise error

    with pytest.raises(UserError, match=r"SET: missing, .*failed \(.*(downloading x|space left).*GEM_DATA"):
        fetch_once(data_dir, "SET", fetch, missing=data_dir / "SET")
    assert tree(tmp_path) == before
