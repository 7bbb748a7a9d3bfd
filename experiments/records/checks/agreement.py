"""Several records together: no run twice, no two copies that differ, no result under two seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from experiments.families.registry import family_of_model
from experiments.records.checks.functions import same_function
from experiments.records.checks.planned import steps_per_epoch
from experiments.records.record import Record
from experiments.runs.metrics_log import TIMES

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Placed:
    """A record and where it stands: a line of a file, or line 0 of the directory of a run."""

    record: Record
    path: Path
    line: int

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)

    @property
    def key(self) -> tuple[str, int]:
        return self.record["run"], self.record["seed"]


def disagreements(records: Sequence[Placed]) -> list[str]:
    """What sound records contradict each other in, with the places of both."""
    first: dict[tuple[str, int], Placed] = {}
    for each in records:
        first.setdefault(each.key, each)
    single = list(first.values())
    return [
        *repeated_lines(records),
        *differing_copies(records),
        *repeated_courses(single),
        *repeated_outcomes(single),
        *differing_epochs(single),
        *differing_metrics(single),
    ]


def repeated_lines(records: Sequence[Placed]) -> Iterator[str]:
    """A file has each run once."""
    for first, other in clashes(records, lambda each: (each.path, *each.key)):
        yield f"{other.place}: the same run and seed as line {first.line}"


def differing_copies(records: Sequence[Placed]) -> Iterator[str]:
    """A run counts for several tables: its copies in their files are equal, but for the name of the table.

    A run that was trained twice is no copy. Its two outcomes are equal where commit, versions and device are.
    """
    for first, other in clashes(records, lambda each: each.key):
        if first.path == other.path:
            continue
        if same_training(first.record, other.record):
            key = first_difference(comparable(first.record), comparable(other.record))
        else:
            key = outcome_difference(first.record, other.record) if same_place(first.record, other.record) else None
        if key:
            yield f"{other.place}: {key} differs from that of {first.place}, the same run and seed"


def same_training(one: Record, other: Record) -> bool:
    """Whether both records are of one training: they name the same beginning."""
    return bool(one["provenance"]["started"] == other["provenance"]["started"])


def same_place(one: Record, other: Record) -> bool:
    """Whether two trainings of a run had the same commit, versions and device, so that they end alike."""
    return all(one["provenance"][key] == other["provenance"][key] for key in ("commit", "versions", "device"))


def repeated_courses(records: Sequence[Placed]) -> Iterator[str]:
    """Two seeds never have one learning curve, and at one seed only activations that are the same function do."""
    for first, other in clashes(records, course):
        if first.record["seed"] != other.record["seed"]:
            yield f"{other.place}: has the learning curve of {first.place}, which is of seed {first.record['seed']}"
        elif not may_be_equal(first.record["config"], other.record["config"]):
            yield f"{other.place}: has the learning curve of {first.place}, whose activation is another function"


def repeated_outcomes(records: Sequence[Placed]) -> Iterator[str]:
    """Two seeds never have one training loss and gradient, and never the same metrics, to all digits."""
    for kind in (training, metrics):
        for first, other in clashes(records, kind):
            if first.record["seed"] != other.record["seed"]:
                seed = first.record["seed"]
                yield f"{other.place}: has the {kind.__name__} of {first.place}, which is of seed {seed}"


def differing_epochs(records: Sequence[Placed]) -> Iterator[str]:
    """One configuration on the same data has equally many steps an epoch at every seed."""
    known: dict[tuple[str, str], tuple[int, Placed]] = {}
    for each in records:
        result = each.record["result"]
        found = steps_per_epoch(result["step"], result["epoch"])
        if found is None or result["epoch"] < 1:  # rounding leaves several numbers possible
            continue
        steps, first = known.setdefault((each.record["run"], each.record["provenance"]["data"]), (found, each))
        if steps != found:
            yield f"{each.place}: has {found} steps an epoch, {first.place} has {steps} on the same data"


def differing_metrics(records: Sequence[Placed]) -> Iterator[str]:
    """One configuration, trained by one commit, reports the same metrics at every seed."""
    known: dict[tuple[str, str], tuple[set[str], Placed]] = {}
    for each in records:
        if each.record["result"]["status"] == "finished":
            found = set(metrics_of(each.record))
            key = each.record["run"], each.record["provenance"]["commit"]
            keys, first = known.setdefault(key, (found, each))
            if keys != found:
                lacking = ", ".join(sorted(keys ^ found))
                yield f"{each.place}: result.{lacking} must be both here and in {first.place}, or in neither"


def missing_metric(records: Sequence[Placed], metric: str) -> list[str]:
    """Finished runs without the metric that their table compares."""
    return [
        f"{each.place}: result.{metric}: missing, its table compares it"
        for each in records
        if each.record["result"]["status"] == "finished" and metric not in each.record["result"]
    ]


def clashes(records: Sequence[Placed], kind: Callable[[Placed], Key | None]) -> Iterator[tuple[Placed, Placed]]:
    """Each record that is equal in ``kind`` to an earlier one, after the first of these; None is equal to nothing."""
    first: dict[Key, Placed] = {}
    for each in records:
        key = kind(each)
        if key is not None and first.setdefault(key, each) is not each:
            yield first[key], each


def course(each: Placed) -> Hashable | None:
    """Loss and gradient over the steps; None where nothing was measured, or the network does not learn.

    With a gradient of 0 a network repeats itself whatever its seed.
    """
    curve = each.record["curve"]
    measured = [(x, y) for x, y in zip(curve.get("train_loss", ()), curve.get("gradient_norm", ()), strict=True) if y]
    return (*curve["step"], *measured) if measured else None


def training(each: Placed) -> Hashable | None:
    result = each.record["result"]
    loss, gradient = result["train_loss"], result["gradient_norm"]
    return None if loss is None or not gradient else (loss, gradient)


def metrics(each: Placed) -> Hashable | None:
    """All metrics of a finished run; None where all are percentages, which coincide on small test sets."""
    found, result = metrics_of(each.record), each.record["result"]
    family = family_of_model(each.record["config"]["model"]["kind"])
    exact = any(metric.unit != "%" for metric in family.metrics if metric.key in found)
    if not exact or result["status"] != "finished" or not result["gradient_norm"]:
        return None
    return tuple(sorted(found.items()))


def metrics_of(record: Record) -> dict[str, float]:
    family = family_of_model(record["config"]["model"]["kind"])
    return {m.key: record["result"][m.key] for m in family.metrics if m.key in record["result"]}


def may_be_equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two configurations can have one learning curve: not where only the activation differs, unless it is the
    same function written otherwise. What else may make no difference, such as equal gains, is not judged."""
    if any(one[group] != other[group] for group in one if group != "activation"):
        return True
    return same_function(json.dumps(one["activation"]), json.dumps(other["activation"]))


def comparable(record: Record) -> Record:
    """What two copies share. ``vectorised`` was written from 2026-11-22 to 2026-11-28; without it a run was not."""
    provenance = {key: value for key, value in record["provenance"].items() if (key, value) != ("vectorised", False)}
    return {key: value for key, value in record.items() if key != "experiment"} | {"provenance": provenance}


def outcome_difference(one: Record, other: Record) -> str | None:
    """The dotted key in which two trainings of one run differ, times and places aside; None of equals."""
    return first_difference(*({"result": r["result"], "curve": timeless(r["curve"])} for r in (one, other)))


def timeless(curve: Mapping[str, Any]) -> dict[str, Any]:
    return {key: values for key, values in curve.items() if not is_time(key)}


def is_time(key: str) -> bool:
    """Whether two equal runs may differ in this key of a curve."""
    return key in TIMES or key.endswith("_per_second")


def first_difference(one: Any, other: Any) -> str | None:
    """The dotted key of the first difference; None of equals."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return None if one == other and type(one) is type(other) else ""
    for key in map(str, {**one, **other}):
        if key not in one or key not in other:
            return key
        found = first_difference(one[key], other[key])
        if found is not None:
            return f"{key}.{found}".rstrip(".")
    return None
