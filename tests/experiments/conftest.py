"""Shared by the tests of runs: the real data where it is, and a preset with its cells."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.errors import UserError
from experiments.report.browser import browser as open_browser
from experiments.studies.cells import Cell, cells_of
from experiments.studies.presets import Preset, load_preset
from tests.experiments.zygote import ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real data: GEM_DATA, or ``shared/data`` beside the checkout."""
    places = [Path(os.environ["GEM_DATA"])] if "GEM_DATA" in os.environ else []
    places.append(ROOT.parent / "shared" / "data")
    for place in places:
        if (place / "mnist").is_dir():
            return place
    pytest.skip("no real data: set GEM_DATA to a folder with mnist/ and cifar10_jpeg/")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one the tests are skipped."""
    try:
        with open_browser() as driver:
            yield driver
    except UserError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def preset() -> Preset:
    """The quickstart's, as a study whose runs are on record."""
    return dataclasses.replace(load_preset("quickstart"), demonstration=False)


@pytest.fixture(scope="session")
def cells(preset: Preset) -> list[Cell]:
    return cells_of(preset)
