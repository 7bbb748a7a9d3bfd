"""Many processes at once: one trains a run, the others name it and leave; sweeps do not disturb each other."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from experiments.files import read_json
from tests.experiments.results import TINY
from tests.experiments.zygote import Zygote

COUNT = 20


def test_one_of_twenty_trains_the_others_name_it_and_leave(train: Zygote, tmp_path: Path) -> None:
    commands = [train.start(*TINY, "recipe.epochs=100000", f"runs_dir={tmp_path}") for _ in range(COUNT)]
    try:
        while sum(command.running() for command in commands) > 1:
            time.sleep(0.05)
        (holder,) = [command for command in commands if command.running()]
        for command in commands:
            if command is not holder:
                ended = command.wait()
                assert ended.status == 75, ended
                assert ended.err.count("\n") == 1, ended.err
                assert f"running elsewhere (process {holder.pid} on " in ended.err
        assert holder.running()
        assert len(list(tmp_path.glob("*/*/*/lock"))) == 1
    finally:
        for command in commands:
            command.send(9)
    holder.wait()


@pytest.mark.parametrize("second", ["silu,mish", "relu,gelu"])
def test_two_sweeps_started_at_once_keep_all_runs(train: Zygote, tmp_path: Path, second: str) -> None:
    """Of different runs, and of the same, where each sweep passes over what the other holds."""
    line = ("-m", "dataset=digits", "recipe=digits", "recipe.max_steps=20", f"runs_dir={tmp_path}")
    sweeps = [train.start(*line, f"activation={names}", cwd=tmp_path) for names in ("relu,gelu", second)]
    ended = [sweep.wait() for sweep in sweeps]
    same = second == "relu,gelu"
    assert all(end.status in ((0, 75) if same else (0,)) for end in ended), ended
    results = [read_json(path) for path in tmp_path.glob("*/*/*/metrics.json")]
    assert [(r["status"], r["step"]) for r in results] == [("finished", 20)] * (2 if same else 4)
