"""Chooses each cell's best setting from its tuning runs, and extends the grid if it must grow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy

Point = tuple[float, ...]  # one value per key, in the order of the grid
Grid = Mapping[str, Sequence[float]]  # key → values, ascending
Scores = Mapping[Point, Mapping[int, float | None]]  # seed → result; None if the run diverged
End = Literal["low", "high"]


@dataclass(frozen=True)
class Choice:
    """The best ``point`` of one cell, its mean over the tuning seeds, and the ends of the grid at which it lies."""

    point: Point
    mean: float  # nan if a run diverged at every point
    ends: dict[str, End]


@dataclass(frozen=True)
class Growth:
    """``grid``: the grid with the values to try next, for all cells. ``added``: these values by key.

    ``stopped``: the keys and ends at which a best value still lies although the limit of growth is reached.
    """

    grid: dict[str, list[float]]
    added: dict[str, list[float]]
    stopped: list[tuple[str, End]]

    @property
    def done(self) -> bool:
        return not self.added


def choose(scores: Scores, grid: Grid, higher_is_better: bool) -> Choice:
    """The point with the best mean over the tuning seeds.

    A point with a diverged run is worse than any without. Among several of these, the one with the fewest diverged
    runs wins. Among equal means (up to rounding), a point away from the ends of the grid wins, then smaller values.
    Raises ValueError if a point of the grid has no result, or if points have different seeds.
    """
    points = points_of(grid)
    missing = [point for point in points if not scores.get(point)]
    if missing:
        raise ValueError(f"{named(missing[0], grid)}: no tuning run")
    if len({frozenset(scores[point]) for point in points}) > 1:
        raise ValueError("points of the grid have different tuning seeds: each must have the same number of runs")

    def order(point: Point) -> tuple[int, float, int, Point]:
        mean, diverged = mean_of(scores[point])
        worth = -mean if higher_is_better else mean
        return diverged, significant(worth) if math.isfinite(mean) else math.inf, len(ends_of(point, grid)), point

    best = min(points, key=order)
    return Choice(best, mean_of(scores[best])[0], ends_of(best, grid))


def grow(grid: Grid, choices: Mapping[str, Choice], most: int = 2, original: Grid | None = None) -> Growth:
    """Extend the grid for all cells at each end at which a cell's best value lies, by one geometric step.

    The next value continues the ratio of the last two. An end at 0 is never extended, nor a key with one value.
    ``most`` is the number of values that may be added at each end of the ``original`` grid (default: of ``grid``).
    """
    first = grid if original is None else original
    added: dict[str, list[float]] = {}
    stopped: list[tuple[str, End]] = []
    for key, values in grid.items():
        for end in sorted({choice.ends[key] for choice in choices.values() if key in choice.ends}):
            taken = sum(v < min(first[key]) if end == "low" else v > max(first[key]) for v in values)
            if taken >= most:
                stopped.append((key, end))
            else:
                added.setdefault(key, []).append(next_value(values, end))
    wider = {key: sorted({*values, *added.get(key, [])}) for key, values in grid.items()}
    return Growth(wider, added, stopped)


def regret(scores: Scores, grid: Grid, higher_is_better: bool, at: Point) -> float:
    """The loss of a cell at the point ``at`` compared with its best point, in the unit of the metric, 0 or more.

    Infinity if a run diverged at ``at``. It is slightly optimistic, because the best is chosen on the same runs.
    """
    mean, diverged = mean_of(scores[at])
    if diverged:
        return math.inf
    best = choose(scores, grid, higher_is_better).mean
    return max(0.0, best - mean if higher_is_better else mean - best)


def ends_of(point: Point, grid: Grid) -> dict[str, End]:
    """The keys for which ``point`` lies at an end that may be extended."""
    ends: dict[str, End] = {}
    for value, (key, values) in zip(point, grid.items(), strict=True):
        if len(values) > 1 and value == min(values) and value > 0:
            ends[key] = "low"
        elif len(values) > 1 and value == max(values):
            ends[key] = "high"
    return ends


def next_value(values: Sequence[float], end: End) -> float:
    """The next value beyond ``end``, with six significant digits: the last one times its ratio to its neighbour."""
    ordered = sorted(values) if end == "high" else sorted(values, reverse=True)
    neighbour, last = ordered[-2], ordered[-1]
    ratio = last / neighbour if neighbour else 10.0
    return float(f"{last * ratio:.6g}")


def points_of(grid: Grid) -> list[Point]:
    points: list[Point] = [()]
    for values in grid.values():
        points = [(*point, value) for point in points for value in values]
    return points


def mean_of(results: Mapping[int, float | None]) -> tuple[float, int]:
    """Mean over the seeds and number of diverged runs; the mean is nan if there are any."""
    diverged = sum(value is None for value in results.values())
    return (math.nan if diverged else float(numpy.mean(list(results.values())))), diverged


def significant(value: float) -> float:
    """``value`` without the last digits, in which equal means differ by rounding."""
    return float(f"{value:.12g}")


def named(point: Point, grid: Grid) -> str:
    return " ".join(f"{key}={value:g}" for key, value in zip(grid, point, strict=True))
