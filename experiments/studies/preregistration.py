"""Checks whether the plan of a table was committed before its runs and kept. If not, its preset must say so.

``known:`` of a preset says which counted runs existed before it was committed. ``changed:`` says what was changed in
the plan after the first counted run had begun, and why.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.config.compose import CONFIGS, ROOT
from experiments.records.checks.origin import moment
from experiments.records.record import Record
from experiments.studies.history import Commit, History
from experiments.studies.written import PLAN, Node, lineage, load_yaml, own_text, plan_of

FOLDER = CONFIGS.relative_to(ROOT) / "experiment"
PAIRED_SINCE = moment("2026-11-29T03:04:31+0000").timestamp()  # commit 0a84a0a; earlier verdicts all used Welch's test


@dataclass(frozen=True)
class State:
    """A preset at one moment: its plan, and its statement about changes."""

    plan: dict[str, Any]
    changed: str | None


@dataclass(frozen=True)
class Registration:
    """The findings on one preset.

    ``late``: counted runs that began before it was committed. ``changed``: keys of its plan that were changed after the
    first counted run had begun. ``faults``: findings that the preset does not state.
    """

    name: str
    counted: int
    late: int
    changed: tuple[str, ...]
    faults: tuple[str, ...]


def preset_path(name: str) -> str:
    """The preset's file, relative to the root of the checkout."""
    return (FOLDER / f"{name}.yaml").as_posix()


def review_preset(name: str, records: Iterable[Record], history: History) -> Registration | None:
    """Check one preset. None if it has no counted runs or is not in this checkout."""
    path = preset_path(name)
    if not (history.root / path).exists():
        return None
    read = functools.partial(read_now, root=history.root)
    now = State(plan_of(name, read), own_text(name, "changed", read))
    counted = sorted((record for record in records if record["seed"] >= now.plan["explored"]), key=begun)
    if not counted:
        return None
    first = history.first_commit(path)
    late = sum(first is None or begun(record) < first.moment for record in counted)
    states = [*committed_states(name, counted[0], history), now]
    changed = changed_keys(states)
    faults = []
    if late and not own_text(name, "known", read):
        when = "was first committed" if first else "is committed"
        faults.append(
            f"{path}: {late} of {len(counted)} counted runs began before it {when}; say in experiment.known which"
        )
    if changed and not says_so(states):
        keys = ", ".join(changed)
        faults.append(
            f"{path}: {keys} changed after the first counted run had begun; say what and why in experiment.changed"
        )
    return Registration(name, len(counted), late, tuple(changed), tuple(faults))


def begun(record: Record) -> float:
    """The start time of a run. For runs interrupted before 2026-11-29 only the last start was recorded."""
    provenance = record["provenance"]
    return moment(provenance.get("begun", provenance["started"])).timestamp()


def committed_states(name: str, first: Record, history: History) -> list[State]:
    """The preset at its first counted run, then after each later commit that changed it or its parents.

    The first state is that of the run's own commit. If that commit has no such preset, it is the earliest state.
    """
    chain = lineage(name, functools.partial(read_now, root=history.root))
    commits = sorted({commit for each in chain for commit in history.commits(preset_path(each))})
    own = first["provenance"]["commit"]
    if own and history.text(own, preset_path(name)) is not None:
        start = begun(first)
        commits = [Commit(int(start), own), *(commit for commit in commits if commit.moment > start)]
    states = []
    for commit in commits:
        if history.text(commit.hash, preset_path(name)) is not None:
            read = functools.partial(read_at, commit=commit.hash, history=history)
            usual = "paired" if commit.moment >= PAIRED_SINCE else "welch"
            states.append(State(plan_of(name, read, usual), own_text(name, "changed", read)))
    return states


def changed_keys(states: Sequence[State]) -> list[str]:
    """The keys of the plan that any step from one state to the next changed."""
    pairs = list(itertools.pairwise(states))
    return [key for key in PLAN if any(old.plan[key] != new.plan[key] for old, new in pairs)]


def says_so(states: Sequence[State]) -> bool:
    """Whether ``changed`` was written with the last change of the plan, or after it."""
    pairs = list(itertools.pairwise(states))
    last = max(index for index, (old, new) in enumerate(pairs) if old.plan != new.plan)
    return bool(states[-1].changed) and any(old.changed != new.changed for old, new in pairs[last:])


def read_now(name: str, root: Path) -> Node:
    return load_yaml((root / preset_path(name)).read_text())


def read_at(name: str, commit: str, history: History) -> Node:
    """The content at a commit; empty for a parent that did not exist yet or is no preset of this checkout."""
    return load_yaml(history.text(commit, preset_path(name)) or "")
