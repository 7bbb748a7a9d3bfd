"""The state of each row of a study: complete looks, settled rows, diverged and missing runs, an early end."""

from __future__ import annotations

import numpy
import pytest

from experiments.stats import Looks, RowState, follow_rows, may_stop
from experiments.stats.power import ALPHA

LOOKS = Looks((5, 8, 12), "pocock")
SEEDS = tuple(range(100, 112))


def study(effect: float, n: int, sd: float = 1.0) -> dict[str, dict[int, float]]:
    draws = numpy.random.default_rng(5).normal(size=len(SEEDS))
    centred = (draws - draws[:5].mean()) * sd + effect
    return {
        "gelu": {seed: float(seed % 7) for seed in SEEDS[:n]},
        "gem": {seed: float(seed % 7 + d) for seed, d in zip(SEEDS[:n], centred, strict=False)},
    }


def state(groups: dict[str, dict[int, float]], looks: Looks = LOOKS, **options: object) -> RowState:
    return follow_rows(groups, {"gem": "gelu"}, True, looks, SEEDS, **options)["gem"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("n", "look"), [(0, 0), (4, 0), (5, 1), (7, 1), (8, 2), (11, 2), (12, 3)])
def test_seeds_between_two_looks_are_not_looked_at(n: int, look: int) -> None:
    found = state(study(0.2, n))
    assert (found.look, found.status) == (look, "waiting" if look == 0 else "over" if look == 3 else "continuing")
    assert found.seeds == SEEDS[: (0, 5, 8, 12)[look]]
    assert (found.verdict is None) == (look == 0)
    assert found.stopped == (look == 3)


def test_a_settled_row_keeps_its_verdict() -> None:
    five, twelve = state(study(6.0, 5)), state(study(6.0, 12))
    assert five.status == "settled"
    assert five == twelve
    assert five.verdict is not None
    assert five.verdict.kind == "better"
    assert five.words("points", 1).endswith("points; settled at look 1 of 3 (5 seeds)")


def test_equivalence_settles_a_row_too() -> None:
    found = state(study(0.0, 12, sd=0.1), margin=1.0)
    assert (found.status, found.look) == ("settled", 1)
    assert found.verdict is not None
    assert found.verdict.kind == "equivalent"


def test_intervals_are_those_of_the_nominal_level_of_the_look() -> None:
    found = state(study(0.2, 8), comparisons=4).verdict
    assert found is not None
    level = LOOKS.levels(ALPHA / 4)[1]
    assert found.nominal == pytest.approx(level)
    assert (found.low, found.high) == pytest.approx(found.estimate.interval(level))


def test_a_missing_run_keeps_its_look_open() -> None:
    groups = study(0.2, 8)
    del groups["gem"][SEEDS[6]]
    assert state(groups).look == 1
    del groups["gelu"][SEEDS[0]]
    assert state(groups).status == "waiting"


def test_a_diverged_run_completes_its_look_with_one_pair_less() -> None:
    groups = study(0.2, 8)
    del groups["gem"][SEEDS[6]]
    found = state(groups, diverged={"gem": [SEEDS[6]]})
    assert (found.look, found.status) == (2, "continuing")
    assert found.verdict is not None
    assert found.verdict.estimate.n == 7
    assert found.verdict.nominal == pytest.approx(LOOKS.levels(ALPHA, seen=(5, 7))[1])
    assert found.verdict.kind == "diverged"


def test_a_diverged_row_that_differs_is_settled_without_a_verdict() -> None:
    groups = study(6.0, 5)
    del groups["gem"][SEEDS[1]]
    found = state(groups, diverged={"gem": [SEEDS[1]]})
    assert found.status == "settled"
    assert found.verdict is not None
    assert found.verdict.kind == "diverged"
    assert found.words("", 1).startswith("diverged: 1 of 5 runs (reference: 0 of 5")


def test_failures_after_the_look_that_settled_do_not_count() -> None:
    groups = study(6.0, 8)
    del groups["gem"][SEEDS[7]]
    assert state(groups, diverged={"gem": [SEEDS[7]]}) == state(study(6.0, 5))


def test_an_early_end_makes_the_seeds_at_hand_the_last_look() -> None:
    groups = study(0.2, 10)
    going_on, ended = state(groups), state(groups, ended=True)
    assert (going_on.look, going_on.status) == (2, "continuing")
    assert (ended.look, ended.status, ended.seeds) == (3, "over", SEEDS[:10])
    assert ended.verdict is not None
    assert ended.verdict.nominal == pytest.approx(LOOKS.levels(ALPHA, seen=(5, 8, 10), ended=True)[2])
    at_a_look = state(study(0.2, 8), ended=True)
    assert (at_a_look.look, at_a_look.status) == (2, "over")
    assert at_a_look.verdict is not None
    assert at_a_look.verdict.nominal == pytest.approx(LOOKS.levels(ALPHA, seen=(5, 8), ended=True)[1])
    assert state(study(0.2, 0), ended=True).status == "waiting"


def test_words_of_rows_that_are_open_or_waiting() -> None:
    assert state(study(0.2, 3)).words("points", 1) == "waiting for look 1 of 3"
    over = state(study(0.2, 12)).words("points", 1)
    assert over.startswith("not significant (least detectable difference: ")
    assert over.endswith("points); ended at look 3 of 3 (12 seeds)")
    flat = state({"gelu": dict.fromkeys(SEEDS[:5], 1.0), "gem": dict.fromkeys(SEEDS[:5], 1.0)})
    assert flat.words("", 1) == "not tested: the same result at all 5 seeds; continues after look 1 of 3 (5 seeds)"


def test_an_early_end_counts_seeds_with_gaps() -> None:
    groups = study(0.2, 4)
    del groups["gem"][SEEDS[2]]
    ended = state(groups, ended=True)
    assert ended.seeds == (SEEDS[0], SEEDS[1], SEEDS[3])
    assert ended.status == "over"


def test_rows_without_spread_go_on_to_the_last_look() -> None:
    groups = {"gelu": dict.fromkeys(SEEDS, 1.0), "gem": dict.fromkeys(SEEDS, 2.0)}
    found = state(groups)
    assert found.status == "over"
    assert found.verdict is not None
    assert found.verdict.kind == "untested"


def test_the_study_stops_when_every_row_has() -> None:
    groups = study(6.0, 5)
    groups["relu"] = {
        seed: groups["gelu"][seed] + d for seed, d in zip(SEEDS, (1.0, -1.1, 0.3, 0.1, -0.2), strict=False)
    }
    states = follow_rows(groups, {"gem": "gelu", "relu": "gelu"}, True, LOOKS, SEEDS)
    assert [states[name].status for name in ("gem", "relu")] == ["settled", "continuing"]
    assert not may_stop(states.values())
    assert may_stop([states["gem"]])
    assert states["relu"].words("points", 1) == "open so far; continues after look 1 of 3 (5 seeds)"


def test_welch_looks_do_not_need_the_same_seeds() -> None:
    looks = Looks((5, 8, 12), "pocock", test="welch")
    found = state(study(6.0, 5), looks)
    assert found.status == "settled"
    assert found.verdict is not None
    assert len(found.verdict.estimate.sides) == 2


@pytest.mark.parametrize("seeds", [SEEDS[:11], (*SEEDS[:11], SEEDS[0])])
def test_too_few_planned_seeds_are_refused(seeds: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="planned seeds: must be distinct, at least 12"):
        follow_rows(study(0.0, 5), {"gem": "gelu"}, True, LOOKS, seeds)
