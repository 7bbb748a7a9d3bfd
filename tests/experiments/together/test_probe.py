"""The probe times both ways and says in words what it found."""

from __future__ import annotations

import os

import pytest

from experiments.config import compose_run
from experiments.together import probe

TINY = ("dataset=digits", "recipe=digits", "model=mlp", "model.width=16", "impl.threads=1")


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (2.0, "impl.seeds_per_process=4 impl.together=vectorised jobs=2: as one tensor 1.50 times with 2 seeds, 2.00"),
        (1.1, "impl.seeds_per_process=1 jobs=2: as one tensor 0.60 times with 2 seeds, 1.10 times with 4 seeds the "),
    ],
)
def test_it_recommends_what_is_worth_it(monkeypatch: pytest.MonkeyPatch, measured: float, words: str) -> None:
    monkeypatch.setattr(probe, "gain", lambda config, count: measured if count == 4 else measured - 0.5)
    monkeypatch.setattr(probe, "side_by_side", lambda config, kind, size, counts: dict.fromkeys(counts, 1.9))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    assert probe.advice(compose_run(TINY), seeds=4, runs=8, members=(2, 10)).startswith(words)


def test_one_tensor_is_not_measured_where_it_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe.advice(compose_run(TINY), seeds=1, runs=1) == "impl.seeds_per_process=1: there is one seed"
    monkeypatch.setattr(probe, "side_by_side", lambda config, kind, size, counts: dict.fromkeys(counts, 1.1))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3})
    said = probe.advice(compose_run([*TINY, "impl.deterministic=true"]), seeds=5, runs=5)
    assert said.startswith("impl.seeds_per_process=1: as one tensor results are not bit for bit")
    assert said.endswith("; 1.10 times with 2 processes, 1.10 times with 4 processes")


def test_processes_side_by_side_are_timed() -> None:
    speeds = probe.side_by_side(compose_run(TINY), probe.one_by_one, 1, (2,))
    assert 0.1 < speeds[2] < 10


def test_a_gain_is_measured() -> None:
    assert 0 < probe.gain(compose_run(TINY), members=2, count=1, rounds=1) < 100
