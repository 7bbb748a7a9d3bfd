"""The probe times both ways and says in words what it found."""

from __future__ import annotations

import pytest

from experiments.config import compose_run
from experiments.together import probe

TINY = ("dataset=digits", "recipe=digits", "model=mlp", "model.width=16", "impl.threads=1")


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (2.0, "impl.seeds_per_process=4 impl.together=vectorised: 1.50 times with 2 seeds, 2.00"),
        (1.1, "impl.seeds_per_process=1: as one"),
    ],
)
def test_it_recommends_what_is_worth_it(monkeypatch: pytest.MonkeyPatch, measured: float, words: str) -> None:
    monkeypatch.setattr(probe, "gain", lambda config, count: measured if count == 4 else measured - 0.5)
    assert probe.advice(compose_run(TINY), seeds=4, members=(2, 10)).startswith(words)


def test_without_measuring_where_nothing_is_to_be_chosen() -> None:
    assert probe.advice(compose_run(TINY), seeds=1) == "impl.seeds_per_process=1: there is one seed"
    assert "not bit for bit" in probe.advice(compose_run([*TINY, "impl.deterministic=true"]), seeds=5)


def test_a_gain_is_measured() -> None:
    assert 0 < probe.gain(compose_run(TINY), members=2, count=1, rounds=1) < 100
