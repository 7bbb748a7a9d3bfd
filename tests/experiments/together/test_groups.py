"""Which runs train together, and in which order."""

from __future__ import annotations

import dataclasses

from experiments.config import compose_run
from experiments.together.groups import groups, packs


def planned(seeds: int, at_a_time: int) -> list[tuple[str, object]]:
    """Two cells, seeds outermost, as presets expand."""
    runs = []
    for seed in range(seeds):
        for name in ("relu", "gelu"):
            config = compose_run(["dataset=digits", f"activation={name}", f"impl.seeds_per_process={at_a_time}"])
            runs.append((f"{name}{seed}", dataclasses.replace(config, seed=seed)))
    return runs


def test_seeds_of_one_cell_as_many_as_asked_for() -> None:
    runs = planned(3, 2)
    assert groups(runs) == [["relu0", "relu1"], ["gelu0", "gelu1"], ["relu2"], ["gelu2"]]


def test_one_at_a_time_keeps_the_order() -> None:
    runs = planned(2, 1)
    assert groups(runs) == [["relu0"], ["gelu0"], ["relu1"], ["gelu1"]]


def test_values_of_eps_fill_a_group_those_of_one_eps_together() -> None:
    runs = []
    for seed in range(2):
        for words in ("activation=gelu", "activation=egem eps=1", "activation=egem eps=1e-4", "activation=egem N=2"):
            config = compose_run(["dataset=digits", *words.split(), "impl.seeds_per_process=3"])
            runs.append((f"{words.split()[-1]} {seed}", dataclasses.replace(config, seed=seed)))
    assert groups(runs) == [
        ["activation=gelu 0", "activation=gelu 1"],
        ["eps=1 0", "eps=1 1", "eps=1e-4 0"],
        ["N=2 0", "N=2 1"],
        ["eps=1e-4 1"],
    ]


def test_packs_keep_groups_whole() -> None:
    grouped = [[0, 1, 2], [3, 4, 5], [6], [7, 8, 9]]
    assert packs(grouped, 7) == [[0, 1, 2, 3, 4, 5, 6], [7, 8, 9]]
    assert packs(grouped, 2) == [[0, 1, 2], [3, 4, 5], [6], [7, 8, 9]]
