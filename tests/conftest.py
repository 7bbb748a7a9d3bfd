"""Shared by all tests that run commands: a server that starts them quickly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.experiments.zygote import Zygote, zygote


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """``train.run("dataset=digits", …)`` is ``python train.py dataset=digits …`` in a process of its own, and
    ``train.script("scripts/plan.py", …)`` is ``python scripts/plan.py …``."""
    with zygote(tmp_path_factory.mktemp("output")) as server:
        yield server
