"""Shared by all tests: a server that starts commands quickly, and the choice of the quick tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.experiments.killing", "tests.experiments.training", "tests.experiments.results")

from tests.durations import function_of, long_functions  # noqa: E402
from tests.experiments.zygote import Zygote, zygote  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out the tests that tests/long.txt lists")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--quick"):
        return
    long = long_functions()
    chosen = [item for item in items if isinstance(item, pytest.Function) and name_of(item) not in long]
    left_out = set(items) - set(chosen)
    items[:] = chosen
    config.hook.pytest_deselected(items=list(left_out))


def name_of(item: pytest.Function) -> str:
    path = item.path.relative_to(item.config.rootpath).with_suffix("")
    return function_of(".".join(path.parts), item.name)


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """``train.run("dataset=digits", …)`` is ``python train.py dataset=digits …`` in a process of its own, and
    ``train.script("scripts/plan.py", …)`` is ``python scripts/plan.py …``."""
    with zygote(tmp_path_factory.mktemp("output")) as server:
        yield server
