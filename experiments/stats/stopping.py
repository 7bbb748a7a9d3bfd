"""The state of each row of a study with looks, and whether the study may stop."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from experiments.stats.estimate import Values
from experiments.stats.looks import Looks
from experiments.stats.rows import comparisons_of, failures_of, judge_pair
from experiments.stats.verdict import Verdict
from experiments.stats.words import verdict_words

Status = Literal["waiting", "continuing", "settled", "over"]


@dataclass(frozen=True)
class RowState:
    """``verdict`` is that of look ``look`` (from 1): the one that settled the row, else the latest complete one.

    ``waiting``: no look is complete yet, and ``verdict`` is None. ``continuing``: open so far, and more looks follow.
    ``settled``: a difference or equivalence was found at that look; later seeds do not change it. ``over``:
    open after the last look. ``seeds`` are those planned up to this look.
    """

    status: Status
    look: int
    looks: int
    seeds: tuple[int, ...]
    verdict: Verdict | None

    @property
    def stopped(self) -> bool:
        return self.status in ("settled", "over")

    def words(self, unit: str, digits: int) -> str:
        """``worse by 0.1 to 0.4 points; settled at look 2 of 4 (8 seeds)``."""
        if self.verdict is None:
            return f"waiting for look 1 of {self.looks}"
        early = self.status == "continuing" and self.verdict.kind == "open"
        words = "open so far" if early else verdict_words(self.verdict, unit, digits)
        state = {"settled": "settled at", "continuing": "continues after", "over": "ended at"}[self.status]
        return f"{words}; {state} look {self.look} of {self.looks} ({self.verdict.estimate.n} seeds)"


def follow_rows(
    groups: Mapping[str, Values],
    references: Mapping[str, str],
    higher_is_better: bool,
    looks: Looks,
    seeds: Sequence[int],
    margin: float | None = None,
    comparisons: int | None = None,
    diverged: Mapping[str, Collection[int]] | None = None,
    ended: bool = False,
) -> dict[str, RowState]:
    """Judge each row at every complete look, in their order, until a look settles it.

    ``seeds`` are the planned ones in their order: look j uses the first ``looks.sizes[j]`` of them. A look is
    complete when each of these has finished or diverged on both sides. Diverged seeds do not count, so a look can have
    fewer pairs than planned. ``ended`` says that no more seeds will come; then all existing pairs make the last look.
    Otherwise seeds between two looks are ignored. The other arguments are those of ``judge_rows``. Raises ValueError if
    fewer seeds are planned than the last look needs.
    """
    if len(seeds) < looks.sizes[-1] or len(set(seeds)) < len(seeds):
        raise ValueError(f"{len(seeds)} planned seeds: must be distinct, at least {looks.sizes[-1]}")
    count = comparisons_of(references, comparisons)
    failed = diverged or {}
    return {
        name: _follow(name, other, groups, failed, higher_is_better, looks, seeds, margin, count, ended)
        for name, other in references.items()
    }


def may_stop(states: Iterable[RowState]) -> bool:
    """Whether the study may stop: every row is settled, or has had its last look."""
    return all(state.stopped for state in states)


def _follow(
    name: str,
    other: str,
    groups: Mapping[str, Values],
    diverged: Mapping[str, Collection[int]],
    higher_is_better: bool,
    looks: Looks,
    seeds: Sequence[int],
    margin: float | None,
    comparisons: int,
    ended: bool,
) -> RowState:
    total, seen = len(looks.sizes), []
    state = RowState("waiting", 0, total, (), None)
    batches = _complete_batches([name, other], groups, diverged, looks, seeds, ended)
    for number, batch in enumerate(batches, start=1):
        values = {side: {s: v for s, v in groups[side].items() if s in batch} for side in (name, other)}
        lost = {side: [s for s in diverged.get(side, ()) if s in batch] for side in (name, other)}
        counted = [values[side].keys() for side in (name, other)]
        seen.append(len(counted[0] & counted[1]) if looks.test == "paired" else min(map(len, counted)))
        last = number == total or (ended and number == len(batches))
        thresholds = [looks.threshold(comparisons, sides, seen, ended and last) for sides in (2, 1)]
        failures = failures_of(name, other, values, lost, looks.test, comparisons)
        verdict = judge_pair(
            values[name], values[other], higher_is_better, thresholds[0], thresholds[1], margin, looks.test, failures
        )
        status: Status = "settled" if verdict.settled else "over" if last else "continuing"
        state = RowState(status, number, total, tuple(batch), verdict)
        if verdict.settled:
            break
    return state


def _complete_batches(
    sides: Sequence[str],
    groups: Mapping[str, Values],
    diverged: Mapping[str, Collection[int]],
    looks: Looks,
    seeds: Sequence[int],
    ended: bool,
) -> list[Sequence[int]]:
    """The seeds up to each complete look; with ``ended`` all existing seeds are the last look."""
    done = set.intersection(*({*groups[side], *diverged.get(side, ())} for side in sides))
    batches: list[Sequence[int]] = []
    for size in looks.sizes:
        if not done.issuperset(seeds[:size]):
            break
        batches.append(seeds[:size])
    at_hand = [seed for seed in seeds[: looks.sizes[-1]] if seed in done]
    if ended and len(batches) < len(looks.sizes) and len(at_hand) > len(batches[-1] if batches else ()):
        batches.append(at_hand)
    return batches
