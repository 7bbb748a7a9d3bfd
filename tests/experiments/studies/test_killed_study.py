"""A tuned study from nothing to its table, killed ten times on the way, ends as one that was left alone."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.experiments.zygote import Zygote

STUDY = ("-m", "experiment=tuned_digits", "fresh=true", "impl=deterministic")
KILLS = 10


def table_of(train: Zygote, runs: Path, results: Path) -> str:
    ended = train.script("scripts/aggregate.py", "table=tuned_digits", f"runs_dir={runs}", f"results_dir={results}")
    assert ended.status == 0, ended.err
    return (results / "tables" / "tuned_digits.csv").read_text()


@pytest.mark.slow
def test_a_study_killed_ten_times_has_the_table_of_one_left_alone(train: Zygote, tmp_path: Path) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    begun = time.monotonic()
    ended = train.run(*STUDY, f"runs_dir={alone}")
    assert ended.status == 0, ended.err
    seconds = time.monotonic() - begun
    draw, kills = random.Random(0), 0
    while kills < KILLS:
        command = train.start(*STUDY, f"runs_dir={killed}")
        time.sleep(draw.uniform(0, 1.5 * seconds / KILLS))
        assert command.running(), f"over after {kills} kills"
        command.send(signal.SIGKILL)
        command.wait()
        kills += 1
    ended = train.run(*STUDY, f"runs_dir={killed}")
    assert ended.status == 0, ended.err
    results = [sorted(path.read_bytes() for path in place.glob("*/*/*/metrics.json")) for place in (alone, killed)]
    assert results[0] == results[1]
    assert len(results[0]) > 40
    first, second = (table_of(train, place, tmp_path / f"{place.name}_results") for place in (alone, killed))
    assert first == second
    assert first.count("\n") == 5
