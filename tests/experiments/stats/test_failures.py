"""Rates of divergence, against known exact p values."""

from __future__ import annotations

import pytest
from scipy import stats

from experiments.stats import compare_failures


def test_mcnemar_counts_the_seeds_that_tell_the_sides_apart() -> None:
    """Five seeds at which the row alone failed: p = 2 / 2^5. A seed at which both failed says nothing."""
    found = compare_failures([0, 1, 2, 3, 4, 5], [6, 7], [5], [0, 1, 2, 3, 4, 6, 7])
    assert (found.row, found.row_runs, found.reference, found.reference_runs) == (6, 8, 1, 8)
    assert found.p == pytest.approx(2 / 2**5)
    assert found.words() == "diverged: 6 of 8 runs (reference: 1 of 8, p = 0.062)"


def test_seeds_of_one_side_alone_are_no_pairs() -> None:
    assert compare_failures([0, 1, 2], [], [], [3, 4, 5]).p == 1.0


def test_barnard_is_that_of_scipy_and_sharper_than_fisher() -> None:
    found = compare_failures(range(5), [5, 6], [], range(7), test="welch")
    table = [[5, 0], [2, 7]]
    assert found.p == pytest.approx(stats.barnard_exact(table).pvalue)
    assert found.p < stats.fisher_exact(table)[1]


@pytest.mark.parametrize("test", ["paired", "welch"])
def test_no_failure_and_nothing_but_failures_do_not_differ(test: str) -> None:
    assert compare_failures([], range(3), [], range(3), test).p == 1.0  # type: ignore[arg-type]
    assert compare_failures(range(3), [], range(3), [], test).p == 1.0  # type: ignore[arg-type]
    assert compare_failures([0], [], [], [], test).p == 1.0  # type: ignore[arg-type]
    assert compare_failures([], range(3), [], range(3), test).words() == ""  # type: ignore[arg-type]


def test_p_is_shared_over_the_comparisons() -> None:
    assert compare_failures(range(10), [], [], range(10), comparisons=6).p == pytest.approx(6 * 2 / 2**10)
    assert compare_failures([0], [1], [], [0, 1], comparisons=6).p == 1.0
    assert "p < 0.001" in compare_failures(range(20), [], [], range(20)).words()


def test_a_seed_cannot_both_fail_and_finish() -> None:
    with pytest.raises(ValueError, match="seed 1: both failed and finished"):
        compare_failures([0, 1], [1, 2], [], [])


def test_the_exact_test_holds_its_level() -> None:
    """Both sides fail with probability 0.4: over all outcomes of eight seeds, p < 0.05 in at most 5 %."""
    chance = 2 * 0.4 * 0.6
    level = sum(
        stats.binom.pmf(apart, 8, chance) * stats.binom.pmf(row, apart, 0.5)
        for apart in range(9)
        for row in range(apart + 1)
        if compare_failures(range(row), range(row, 8), range(row, apart), [*range(row), *range(apart, 8)]).p < 0.05
    )
    assert 0 < level <= 0.05
