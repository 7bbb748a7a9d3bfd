"""Rules for several records together: no run twice, no copies that differ, no result under two seeds."""

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
    """A record and its place: a line of a file, or line 0 of the directory of a run."""

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
    """The contradictions between valid records, with the places of both."""
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
    """A file contains each run only once."""
    for first, other in clashes(records, lambda each: (each.path, *each.key)):
        yield f"{other.place}: the same run and seed as line {first.line}"


def differing_copies(records: Sequence[Placed]) -> Iterator[str]:
    """A run counts for several tables. Its copies in their files are equal, apart from the name of the table.

    Two trainings of a run are no copies. Their outcomes are equal if commit, versions and device are.
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
    """Whether both records are of one training: their start times are equal."""
    return bool(one["provenance"]["started"] == other["provenance"]["started"])


def same_place(one: Record, other: Record) -> bool:
    """Whether two trainings of a run had the same commit, versions and device, so that their results must be equal."""
    return all(one["provenance"][key] == other["provenance"][key] for key in ("commit", "versions", "device"))


def repeated_courses(records: Sequence[Placed]) -> Iterator[str]:
    """Different seeds have different learning curves. At one seed, only equal functions share a curve."""
    for first, other in clashes(records, course):
        if first.record["seed"] != other.record["seed"]:
            yield f"{other.place}: has the learning curve of {first.place}, which is of seed {first.record['seed']}"
        elif not may_be_equal(first.record["config"], other.record["config"]):
            yield f"{other.place}: has the learning curve of {first.place}, whose activation is another function"


def repeated_outcomes(records: Sequence[Placed]) -> Iterator[str]:
    """Different seeds differ in training loss or gradient, and in the metrics, when all digits count."""
    for kind in (training, metrics):
        for first, other in clashes(records, kind):
            if first.record["seed"] != other.record["seed"]:
                seed = first.record["seed"]
                yield f"{other.place}: has the {kind.__name__} of {first.place}, which is of seed {seed}"


def differing_epochs(records: Sequence[Placed]) -> Iterator[str]:
    """One configuration on the same data has the same number of steps per epoch at every seed."""
    known: dict[tuple[str, str], tuple[int, Placed]] = {}
    for each in records:
        result = each.record["result"]
        found = steps_per_epoch(result["step"], result["epoch"])
        if found is None or result["epoch"] < 1:  # rounding allows several numbers
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
    """Pairs of records that are equal in ``kind``: the earliest, and each later one. None equals nothing."""
    first: dict[Key, Placed] = {}
    for each in records:
        key = kind(each)
        if key is not None and first.setdefault(key, each) is not each:
            yield first[key], each


def course(each: Placed) -> Hashable | None:
    """Loss and gradient over the steps; None if nothing was measured or the network does not learn.

    With a gradient of 0 the curve of a network is the same for every seed.
    """
    curve = each.record["curve"]
    measured = [(x, y) for x, y in zip(curve.get("train_loss", ()), curve.get("gradient_norm", ()), strict=True) if y]
    return (*curve["step"], *measured) if measured else None


def training(each: Placed) -> Hashable | None:
    result = each.record["result"]
    loss, gradient = result["train_loss"], result["gradient_norm"]
    return None if loss is None or not gradient else (loss, gradient)


def metrics(each: Placed) -> Hashable | None:
    """All metrics of a finished run; None if all are percentages, which coincide on small test sets."""
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
    """Whether two configurations can have the same learning curve.

    False if only the activation differs, unless the two activations are the same function. Other differences that may
    have no effect, such as equal gains, are not judged.
    """
    if any(one[group] != other[group] for group in one if group != "activation"):
        return True
    return same_function(json.dumps(one["activation"]), json.dumps(other["activation"]))


def comparable(record: Record) -> Record:
    """The part that copies share.

    The configuration is left out: ``run`` is its hash, and a key that was added later has a pinned value.
    ``vectorised`` was written from 2026-11-22 to 2026-11-28; its absence means false.
    """
    provenance = {key: value for key, value in record["provenance"].items() if (key, value) != ("vectorised", False)}
    return {key: value for key, value in record.items() if key not in ("experiment", "config")} | {
        "provenance": provenance
    }


def outcome_difference(one: Record, other: Record) -> str | None:
    """The dotted key in which two trainings of one run differ, apart from times and places; None if they are equal."""
    return first_difference(*({"result": r["result"], "curve": timeless(r["curve"])} for r in (one, other)))


def timeless(curve: Mapping[str, Any]) -> dict[str, Any]:
    return {key: values for key, values in curve.items() if not is_time(key)}


def is_time(key: str) -> bool:
    """Whether two equal runs may differ in this key of a curve."""
    return key in TIMES or key.endswith("_per_second")


def first_difference(one: Any, other: Any) -> str | None:
    """The dotted key of the first difference; None if there is none."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return None if one == other and type(one) is type(other) else ""
    for key in map(str, {**one, **other}):
        if key not in one or key not in other:
            return key
        found = first_difference(one[key], other[key])
        if found is not None:
            return f"{key}.{found}".rstrip(".")
    return None
