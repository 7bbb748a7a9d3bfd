"""Shared by all tests: a server that starts commands quickly, and the choice of the quick tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.experiments.killing", "tests.experiments.training", "tests.experiments.results")

from tests.durations import Long  # noqa: E402
from tests.experiments.zygote import Zygote, zygote  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out the tests that tests/long.txt lists")
    parser.addoption("--durations-to", metavar="FILE", help="write the seconds of every test, for tests/durations.py")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--durations-to")
    if path and not hasattr(config, "workerinput"):  # the process that hears of all tests
        config.pluginmanager.register(Recorder(Path(path)))


class Recorder:
    """Appends when, seconds and name of each part of each test."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(path, "w")  # noqa: SIM115 - open while the tests run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        print(report.when, f"{report.duration:.3f}", report.nodeid, sep="\t", file=self.file, flush=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--quick"):
        return
    long = Long()
    left_out = [item for item in items if item.nodeid in long]
    items[:] = [item for item in items if item.nodeid not in long]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """``train.run("dataset=digits", …)`` is ``python train.py dataset=digits …`` in a process of its own, and
    ``train.script("scripts/plan.py", …)`` is ``python scripts/plan.py …``."""
    with zygote(tmp_path_factory.mktemp("output")) as server:
        yield server
