"""The corpus and the command line of the smallest translator."""

from __future__ import annotations

import pytest

from experiments.families.translation.example import TINY_MARIAN, write_pairs


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder / "data" / "films")
    return [*TINY_MARIAN, f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]
