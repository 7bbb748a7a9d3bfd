"""Groups from the command line: results as of single runs, killed and continued, as a group or as singles."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from experiments.files import read_json
from experiments.metrics_log import TIMES, read_lines
from tests.experiments.results import distance
from tests.experiments.zygote import Zygote

BASE = ("-m", "dataset=digits", "recipe=digits", "recipe.epochs=2", "recipe.lr=0.01", "model=cnn", "model.width=8")
SINGLE = (*BASE, "seed=0,1,2", "impl.threads=1")
GROUP = (*SINGLE, "impl.seeds_per_process=3", "impl.together=vectorised")


SLOW = pytest.mark.slow
CLOSE = 0.005  # an image of 360 more or less


def results(runs_dir: Path) -> dict[str, Any]:
    """By seed: metrics.json and the logged lines, without times."""
    found = {}
    for path in sorted(runs_dir.glob("*/*/seed*")):
        lines = [
            {key: value for key, value in line.items() if key not in TIMES}
            for line in read_lines(path / "metrics.jsonl")
        ]
        found[path.name] = [read_json(path / "metrics.json"), *lines]
    return found


@pytest.fixture(scope="module")
def alone(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("alone")
    assert train.run(*SINGLE, f"runs_dir={folder}").status == 0
    return results(folder)


def parts(runs_dir: Path) -> list[list[Any]]:
    """By seed, of every start: from which step, with which seeds as one."""
    metas = [read_json(path) for path in sorted(runs_dir.glob("*/*/seed*/meta.json"))]
    return [
        [(part["from_step"], [name[-1:] for name in part["vectorised"]]) for part in meta["parts"]] for meta in metas
    ]


def test_a_group_gives_the_results_of_single_runs_and_says_so_again(
    train: Zygote, tmp_path: Path, alone: dict[str, Any]
) -> None:
    ended = train.run(*GROUP, f"runs_dir={tmp_path}")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.count("finished: ") == 3
    assert distance(results(tmp_path), alone) < CLOSE
    assert parts(tmp_path) == [[(0, ["0", "1", "2"])]] * 3
    assert train.run(*GROUP, f"runs_dir={tmp_path}").out.count("finished before: ") == 3


def test_interleaved_is_bit_identical(train: Zygote, tmp_path: Path, alone: dict[str, Any]) -> None:
    assert train.run(*SINGLE, "impl.seeds_per_process=2", f"runs_dir={tmp_path}").status == 0
    assert json.dumps(results(tmp_path)) == json.dumps(alone)


@pytest.mark.parametrize(("together", "close"), [("interleaved", 0.0), ("vectorised", CLOSE)])
def test_values_of_eps_share_a_process(train: Zygote, tmp_path: Path, together: str, close: float) -> None:
    line = (*BASE, "activation=egem", "eps=1,0.1", "seed=0,1", "impl.threads=1")
    words = ("impl.seeds_per_process=4", f"impl.together={together}")
    ends = []
    for folder, more in (("alone", ()), ("group", words)):
        assert train.run(*line, *more, f"runs_dir={tmp_path / folder}").status == 0
        paths = sorted((tmp_path / folder).glob("*/*/seed*/metrics.json"))
        ends.append({str(path.relative_to(tmp_path / folder)): read_json(path) for path in paths})
    assert len(ends[0]) == 4
    assert distance(ends[1], ends[0]) <= close
    assert len({json.dumps(end) for end in ends[0].values()}) == 4
    with_others = [len(start) for starts in parts(tmp_path / "group") for _, start in starts]
    assert with_others == ([0] * 4 if together == "interleaved" else [4] * 4)


def stopped(train: Zygote, runs_dir: Path, number: int, *words: str) -> int:
    """Start the group, save after every step, and send the signal once something is saved. Returns the exit status."""
    command = train.start(*GROUP, "impl.save_every_seconds=0", f"runs_dir={runs_dir}", *words)
    while len(list(runs_dir.glob("*/*/*/checkpoints/step*.pt"))) < 3:
        assert command.running(), command.wait()
        time.sleep(0.001)
    command.send(number)
    ended = command.wait()
    assert not list(runs_dir.glob("*/*/*/metrics.json"))
    if number == signal.SIGTERM:
        assert ended.err.endswith("3 runs saved; run the same command again to continue\n")
    return ended.status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, pytest.param(signal.SIGUSR2, marks=SLOW)])
def test_a_stopped_group_continues_as_a_group(
    train: Zygote, tmp_path: Path, alone: dict[str, Any], number: signal.Signals
) -> None:
    assert stopped(train, tmp_path, number) == (-number if number == signal.SIGKILL else 75)
    assert train.run(*GROUP, f"runs_dir={tmp_path}").status == 0
    assert distance(results(tmp_path), alone) < CLOSE
    assert all(len(starts) == 2 and starts[1][0] > 0 for starts in parts(tmp_path))


def test_a_group_continues_as_singles_and_singles_as_a_group(
    train: Zygote, tmp_path: Path, alone: dict[str, Any]
) -> None:
    """Checkpoints are those of single runs; who is behind catches up, then all go on together."""
    assert stopped(train, tmp_path, signal.SIGTERM) == 75
    one = tuple(word for word in SINGLE if word not in ("-m", "seed=0,1,2"))
    assert train.run(*one, "seed=2", f"runs_dir={tmp_path}").status == 0
    command = train.start(*one, "seed=0", "impl.save_every_seconds=0", f"runs_dir={tmp_path}")
    while not list(tmp_path.glob("*/*/seed0/checkpoints/step00000002*.pt")):
        assert command.running(), command.wait()
        time.sleep(0.001)
    command.send(signal.SIGKILL)
    command.wait()
    ended = train.run(*GROUP, f"runs_dir={tmp_path}")
    assert ended.status == 0
    assert ended.out.count("finished before: ") == 1
    assert distance(results(tmp_path), alone) < CLOSE
    assert [starts[-1][1] for starts in parts(tmp_path)] == [["0", "1"], ["0", "1"], []]


def test_a_member_that_lacks_its_result_alone_is_finished(train: Zygote, tmp_path: Path, alone: dict[str, Any]) -> None:
    """Killed between the last checkpoint and metrics.json."""
    assert train.run(*GROUP, f"runs_dir={tmp_path}").status == 0
    (result,) = tmp_path.glob("*/*/seed1/metrics.json")
    result.unlink()
    ended = train.run(*GROUP, f"runs_dir={tmp_path}")
    assert (ended.status, ended.out.count("finished before: ")) == (0, 2)
    assert distance(results(tmp_path), alone) < CLOSE


def test_a_run_held_elsewhere_is_left_alone_and_the_others_train(train: Zygote, tmp_path: Path) -> None:
    one = tuple(word for word in SINGLE if word not in ("-m", "seed=0,1,2"))
    holder = train.start(*one, "seed=1", "recipe.epochs=100000", f"runs_dir={tmp_path}")
    try:
        while not list(tmp_path.glob("*/*/seed1/meta.json")):
            assert holder.running(), holder.wait()
            time.sleep(0.001)
        group = train.start(*GROUP, "recipe.epochs=100000", f"runs_dir={tmp_path}")
        while not list(tmp_path.glob("*/*/seed2/metrics.jsonl")):
            assert group.running(), group.wait()
            time.sleep(0.001)
        group.send(signal.SIGTERM)
        ended = group.wait()
        assert ended.status == 75
        assert "seed1: running elsewhere" in ended.err
        assert [len(starts) for starts in parts(tmp_path)] == [1, 1, 1]
    finally:
        holder.send(signal.SIGKILL)
        holder.wait()


def test_a_member_that_diverges_is_recorded_and_the_others_finish(train: Zygote, tmp_path: Path) -> None:
    """A weight of one member's checkpoint is made infinite, as if it had overflown."""
    import torch

    from experiments import checkpoint

    assert stopped(train, tmp_path, signal.SIGTERM) == 75
    path = max(tmp_path.glob("*/*/seed1/checkpoints/step*.pt"))
    state = checkpoint.read(path)
    next(iter(state["model"].values())).fill_(torch.inf)
    checkpoint.Checkpoints(path.parent).save(state["step"], state)
    ended = train.run(*GROUP, f"runs_dir={tmp_path}")
    assert ended.status == 3
    assert (ended.out.count("finished: "), ended.out.count("diverged: ")) == (2, 1)
    statuses = [read_json(path)["status"] for path in sorted(tmp_path.glob("*/*/*/metrics.json"))]
    assert statuses == ["finished", "diverged", "finished"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("impl=deterministic", "impl.deterministic=true wants interleaved"),
        ("impl.profile=true", "wants interleaved"),
        ("impl.seeds_per_process=0", "impl.seeds_per_process=0: must be an integer of at least 1"),
        ("impl.together=side_by_side", "must be one of interleaved, vectorised"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(train: Zygote, tmp_path: Path, word: str, said: str) -> None:
    line = tuple(given for given in GROUP if given.partition("=")[0] != word.partition("=")[0])
    ended = train.run(*line, word, f"runs_dir={tmp_path}/runs")
    assert ended.status == 2
    assert ended.err.startswith("error: ")
    assert said in ended.err.splitlines()[0]
    assert not (tmp_path / "runs").exists()
