"""Shared by all tests that run commands: a server that starts them quickly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.experiments.killing", "tests.experiments.training", "tests.experiments.results")

from tests.experiments.zygote import Zygote, zygote  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as ``command`` whatever starts commands: by the fixtures here, or with a checkout of its own."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        if {"train", "checkout", "slurm"} & set(names):
            item.add_marker(pytest.mark.command)


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """``train.run("dataset=digits", …)`` is ``python train.py dataset=digits …`` in a process of its own, and
    ``train.script("scripts/plan.py", …)`` is ``python scripts/plan.py …``."""
    with zygote(tmp_path_factory.mktemp("output")) as server:
        yield server
