"""A verdict in words: only what the data support at the 5 % level."""

from __future__ import annotations

import math

from experiments.stats.verdict import Verdict


def verdict_words(verdict: Verdict, unit: str, digits: int) -> str:
    """``better by 0.4 to 0.9 points``, ``equivalent within ±0.5 points``, ``not significant (…)`` and so on."""
    finished = finished_words(verdict, unit, digits)
    failures = verdict.failures
    if failures is None or not failures.any:
        return finished
    if verdict.kind == "diverged":
        return f"{failures.words()}; no verdict. Finished runs: {finished}"
    return f"{finished}; {failures.words()}"


def finished_words(verdict: Verdict, unit: str, digits: int) -> str:
    """The words for the finished runs alone."""
    within = "" if verdict.margin is None else f"within ±{verdict.margin:g} {unit}".rstrip()
    if verdict.different:
        word = "better" if (verdict.estimate.value > 0) == verdict.higher_is_better else "worse"
        size = size_words(verdict, unit, digits)
        found = f"{word} {size}".rstrip()
        return f"{found}, but {within}" if verdict.within_margin else found
    if verdict.within_margin:
        return f"equivalent {within}"
    if not verdict.estimate.testable:
        return untested_words(verdict, unit, digits)
    least = verdict.least_detectable
    if math.isnan(least):
        return "not significant"
    return f"not significant (least detectable difference: {rounded(least, digits)} {unit}".rstrip() + ")"


def size_words(verdict: Verdict, unit: str, digits: int) -> str:
    """``by 0.4 to 0.9 points``; empty if the interval only gives the sign (Holm)."""
    near, far = sorted((abs(verdict.low), abs(verdict.high)))
    if math.isinf(far):
        return ""
    return f"by {rounded(near, digits)} to {rounded(far, digits)} {unit}".rstrip()


def untested_words(verdict: Verdict, unit: str, digits: int) -> str:
    estimate = verdict.estimate
    if estimate.n < 2:
        return f"not tested: {estimate.n} of the 2 seeds that a test needs"
    if estimate.value == 0:
        return f"not tested: the same result at all {estimate.n} seeds"
    value = f"{estimate.value:+.{digits}f} {unit}".rstrip().replace("-", "−")
    return f"not tested: no spread ({value} at all {estimate.n} seeds)"


def rounded(size: float, digits: int) -> str:
    """``size`` with ``digits`` decimals, or with one significant digit if these would show 0."""
    shown = f"{size:.{digits}f}"
    return shown if float(shown) or not size else f"{size:.1g}"
