"""A table against its reference: Holm, equivalence, words, and by simulation how often they are wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy
import pytest
from statsmodels.stats.multitest import multipletests

from experiments.stats import NOTHING, Comparison, Difference, compare
from experiments.stats.comparison import equivalence, holm


def seeds(values: Sequence[float]) -> dict[int, float]:
    return dict(enumerate(values))


def test_holm_worked_example() -> None:
    """p = 0.01, 0.04, 0.03, 0.005 times 4, 3, 2, 1 in order of size: 0.02, 0.03, then 0.06 twice (never falling)."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("count", [0, 1, 2, 15, 280])
def test_holm_is_that_of_statsmodels(count: int) -> None:
    """Ours collects no garbage at every call, which takes 40 times as long as the rest of it."""
    rng = numpy.random.default_rng(count)
    p = numpy.concatenate([rng.uniform(size=count), [0.0, 0.01, 0.01, 1.0]])
    assert holm(list(p)) == pytest.approx(multipletests(p, method="holm")[1], rel=1e-12)


def test_a_missing_p_takes_no_part_in_holm() -> None:
    adjusted = holm([0.04, 0.01, math.nan, 0.02])
    assert [adjusted[i] for i in (0, 1, 3)] == pytest.approx([0.04, 0.03, 0.04])
    assert math.isnan(adjusted[2])


def with_moments(n: int, mean: float, sd: float) -> list[float]:
    draws = numpy.random.default_rng(n).normal(size=n)
    return (mean + sd * (draws - draws.mean()) / draws.std(ddof=1)).tolist()


def test_equivalence_worked_example() -> None:
    """Lakens (2017), Equivalence tests: n = 95 and 89, means 5.25 and 5.22, sd 0.95 and 0.83, margin 0.48 sd.

    Welch's t at the nearer bound is -3.03 with 182 degrees of freedom, p = .001.
    """
    margin = 0.48 * math.sqrt((0.95**2 + 0.83**2) / 2)
    p = equivalence(with_moments(95, 5.25, 0.95), with_moments(89, 5.22, 0.83), margin)
    assert p == pytest.approx(0.0014, abs=5e-5)


def test_equivalence_is_the_90_percent_interval_within_the_margin() -> None:
    from scipy import stats

    a, b = with_moments(8, 0.1, 1.0), with_moments(9, 0.0, 1.5)
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    edge = max(-interval.low, interval.high)
    assert equivalence(a, b, edge) == pytest.approx(0.05)
    pairs = stats.ttest_rel(a, b[:8]).confidence_interval(0.9)
    edge = max(-pairs.low, pairs.high)
    assert equivalence(a, b[:8], edge, by_seed=True) == pytest.approx(0.05)


def comparison(main: Difference, p: float, p_equal: float = math.nan) -> Comparison:
    return Comparison(main, NOTHING, (math.nan, math.nan), 0.5, main, p, p_equal)


@pytest.mark.parametrize(
    ("p", "p_equal", "higher", "words"),
    [
        (0.003, math.nan, True, "worse by 0.4 to 0.9 points"),
        (0.003, math.nan, False, "better by 0.4 to 0.9 points"),
        (0.06, math.nan, True, "no difference detectable"),
        (math.nan, math.nan, True, "no test: too few seeds, or no spread"),
        (0.06, 0.01, True, "equal within ±1 points"),
        (0.003, 0.01, True, "worse by 0.4 to 0.9 points, yet equal within ±1 points"),
    ],
)
def test_the_words_say_what_the_tests_support(p: float, p_equal: float, higher: bool, words: str) -> None:
    difference = Difference(-0.65, -0.9, -0.4, 0.001)
    assert comparison(difference, p, p_equal).words(higher, "points", 1, 1.0) == words


def test_rounding_is_no_spread() -> None:
    """Two seeds, each one image of 360 better: accuracies whose differences are equal but for their last bits."""
    values, reference = ({seed: 100 * k / 360 for seed, k in enumerate(right)} for right in ((344, 349), (343, 348)))
    assert values[0] - reference[0] != values[1] - reference[1]
    found = compare({"a": values, "b": reference}, {"a": "b"}, True, margin=0.5, by_seed=True)["a"]
    assert found.words(True, "points", 2, 0.5) == "no test: too few seeds, or no spread"


def test_pairing_by_seed_matches_seeds_not_positions() -> None:
    reference = {seed: float(seed) for seed in range(6)}
    values = {seed: seed + 0.1 + 0.01 * (seed % 2) for seed in (5, 3, 1, 0)}
    found = compare({"a": values, "b": reference}, {"a": "b"}, True, by_seed=True)["a"]
    assert found.main == found.paired
    assert found.paired.value == pytest.approx(0.1075)
    assert found.finding(True) == "better"
    assert found.p > found.paired.p - 1e-12
    assert not compare({"a": values, "b": reference}, {"a": "b"}, True)["a"].different


def test_false_alarms_and_coverage_over_2000_studies() -> None:
    """Four rows with true differences 0, 0, 0.5 and 3 sd, five seeds each."""
    rng = numpy.random.default_rng(0)
    truth = {"null": 0.0, "null too": 0.0, "half": 0.5, "three": 3.0}
    covered, falsely_better, found, studies = 0, 0, 0, 2000
    for _ in range(studies):
        groups = {name: seeds(rng.normal(size=5) + truth.get(name, 0.0)) for name in ("gelu", *truth)}
        result = compare(groups, dict.fromkeys(truth, "gelu"), True)
        covered += sum(row.welch.low <= truth[name] <= row.welch.high for name, row in result.items())
        falsely_better += any(result[name].finding(True) == "better" for name in ("null", "null too"))
        found += result["three"].finding(True) == "better"
    assert 0.94 <= covered / (studies * len(truth)) <= 0.96 + 0.002  # Welch's interval is a little wide at n = 5
    assert falsely_better / studies <= 0.05
    assert found / studies > 0.8


def test_false_equivalence_over_2000_studies() -> None:
    """A true difference of exactly the margin is called equal in at most 5 % of the studies."""
    rng = numpy.random.default_rng(1)
    alarms = sum(equivalence(rng.normal(size=8) + 1.0, rng.normal(size=8), 1.0) < 0.05 for _ in range(2000))
    assert 0.005 < alarms / 2000 <= 0.055  # 5 % and twice the chance error of 2,000 draws


def test_turned_is_the_comparison_the_other_way_round() -> None:
    """Every part of it, the probability of improvement too."""
    rng = numpy.random.default_rng(7)
    groups = {"a": seeds(rng.normal(0.3, 1.0, 12)), "b": seeds(rng.normal(0.0, 1.0, 11))}
    there = compare(groups, {"a": "b"}, True, margin=1.0)["a"]
    back = compare(groups, {"b": "a"}, True, margin=1.0)["b"]
    turned = there.turned()
    assert 0.5 < there.improvement < 1
    assert turned.improvement == pytest.approx(back.improvement) == pytest.approx(1 - there.improvement)
    assert turned.bca == (-there.bca[1], -there.bca[0])
    for side in ("welch", "paired", "main"):
        one, other = getattr(turned, side), getattr(back, side)
        assert (one.value, one.low, one.high, one.p) == pytest.approx((other.value, other.low, other.high, other.p))
    assert (turned.p, turned.p_equal) == (there.p, there.p_equal)
