"""Shared by the tests of runs: the quick ``train.py``, the smallest real run, and the real data where it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.cells import Cell, cells_of
from experiments.presets import Preset, load
from tests.experiments.zygote import ROOT, Zygote, zygote


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """``train.run("dataset=digits", …)`` is ``python train.py dataset=digits …`` in a process of its own."""
    with zygote(tmp_path_factory.mktemp("output")) as server:
        yield server


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real data: GEM_DATA, or ``shared/data`` beside the checkout."""
    places = [Path(os.environ["GEM_DATA"])] if "GEM_DATA" in os.environ else []
    places.append(ROOT.parent / "shared" / "data")
    for place in places:
        if (place / "mnist").is_dir():
            return place
    pytest.skip("no real data: set GEM_DATA to a folder with mnist/ and cifar10_jpeg/")


@pytest.fixture(scope="session")
def preset() -> Preset:
    return load("quickstart")


@pytest.fixture(scope="session")
def cells(preset: Preset) -> list[Cell]:
    return cells_of(preset)
