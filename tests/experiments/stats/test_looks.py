"""Plans of looks: nominal levels as published and simulated, fewer seeds than planned, repeated p values."""

from __future__ import annotations

import math

import numpy
import pytest

from experiments.stats import Looks
from experiments.stats.crossing import exit_probabilities
from experiments.stats.power import ALPHA

PLANNED = (5, 8, 12, 20)


@pytest.mark.parametrize(("error", "level"), [(0.05, 0.0163), (0.05 / 3, 0.0050), (0.05 / 6, 0.0024)])
def test_pococks_level_at_looks_5_8_12_20(error: float, level: float) -> None:
    """Simulated with 100,000 studies before this was written: 0.0163, 0.0050 and 0.0024."""
    assert Looks(PLANNED, "pocock").levels(error) == pytest.approx([level] * 4, rel=0.02)


def test_obrien_flemings_levels_at_looks_5_8_12_20() -> None:
    """Simulated with 100,000 studies before: 0.0001, 0.0019, 0.0097, 0.044; for six rows 0, 0, 0.0005, 0.0078.

    The third is 0.0102 exactly; of 100,000 studies 950 stop there, with a standard error of 3 %.
    """
    assert Looks(PLANNED).levels(0.05) == pytest.approx([0.0001, 0.0019, 0.0097, 0.044], rel=0.05, abs=2e-5)
    assert Looks(PLANNED).levels(0.05 / 6) == pytest.approx([0, 0, 0.0005, 0.0078], rel=0.02, abs=2e-4)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("sides", [1, 2])
def test_the_whole_error_is_spent(spending: str, sides: int) -> None:
    looks = Looks(PLANNED, spending)  # type: ignore[arg-type]
    for error in (0.05, 0.05 / 15):
        assert sum(exit_probabilities(PLANNED, looks.levels(error, sides), "paired", sides)) == pytest.approx(
            error, 1e-4
        )


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_levels_do_not_depend_on_later_looks(spending: str) -> None:
    looks = Looks(PLANNED, spending)  # type: ignore[arg-type]
    assert looks.levels(0.01, seen=PLANNED[:2]) == pytest.approx(looks.levels(0.01)[:2])


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("seen", [(4, 7, 11, 18), (5, 8, 12, 13), (2, 8, 8, 20), (0, 0, 0, 17)])
def test_fewer_seeds_than_planned_spend_the_same_error(spending: str, seen: tuple[int, ...]) -> None:
    looks = Looks(PLANNED, spending)  # type: ignore[arg-type]
    levels = looks.levels(0.05, seen=seen)
    new = [j for j, size in enumerate(seen) if size >= 3 and size > max(seen[:j], default=0)]
    assert [level > 0 for level in levels] == [j in new for j in range(4)]
    spent = exit_probabilities([seen[j] for j in new], [levels[j] for j in new], "paired", 2)
    assert sum(spent) == pytest.approx(0.05, rel=1e-3)


def test_a_study_that_ends_early_spends_what_is_left() -> None:
    looks = Looks(PLANNED)
    going_on, ended = looks.levels(0.05, seen=(5, 8, 10)), looks.levels(0.05, seen=(5, 8, 10), ended=True)
    assert going_on[:2] == pytest.approx(ended[:2])
    assert going_on[2] < 0.02 < ended[2] < 0.05
    assert sum(exit_probabilities((5, 8, 10), ended, "paired", 2)) == pytest.approx(0.05, rel=1e-4)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("seen", [(5,), (5, 8, 12), PLANNED, (4, 8, 11, 17)])
def test_the_repeated_p_is_the_error_at_which_the_look_would_stop(spending: str, seen: tuple[int, ...]) -> None:
    looks = Looks(PLANNED, spending)  # type: ignore[arg-type]
    for error in (0.001, 0.02, ALPHA / 6):
        level = looks.levels(error, seen=seen)[-1]
        if level > 0:
            assert looks.threshold(1, seen=seen).adjusted(level) == pytest.approx(error, rel=0.03)
    threshold = looks.threshold(6, seen=seen)
    assert threshold.nominal == looks.levels(ALPHA / 6, seen=seen)[-1]
    assert threshold.adjusted(threshold.nominal) == pytest.approx(ALPHA, rel=0.03)


def test_repeated_p_values_rise_with_p_and_end_at_1() -> None:
    threshold = Looks(PLANNED).threshold(6)
    adjusted = [threshold.adjusted(float(p)) for p in numpy.geomspace(1e-12, 1, 60)]
    assert adjusted == sorted(adjusted)
    assert (adjusted[-1], threshold.adjusted(0.7)) == (1.0, 1.0)
    assert 0 < threshold.adjusted(0.0) <= 6e-6
    assert math.isnan(threshold.adjusted(math.nan))


def test_one_look_is_a_fixed_number_of_seeds() -> None:
    for spending in ("obrien-fleming", "pocock"):
        assert Looks((10,), spending).levels(0.05) == pytest.approx([0.05])  # type: ignore[arg-type]
        assert Looks((10,), spending).threshold(6).adjusted(0.004) == pytest.approx(0.024, rel=0.03)  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", [(), (2, 5), (5, 5), (8, 5), (5, 6)])
def test_looks_that_make_no_plan_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="looks="):
        Looks(sizes)


def test_the_closest_looks_that_are_allowed() -> None:
    assert all(level > 0 for level in Looks((3, 5, 7), "pocock").levels(0.05, seen=(3, 4, 5)))


def test_other_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="spending=haybittle: must be one of"):
        Looks((5, 8), "haybittle")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"seen=\[8, 5\]"):
        Looks((5, 8)).levels(0.05, seen=(8, 5))
    with pytest.raises(ValueError, match="error=0"):
        Looks((5, 8)).levels(0.0)
