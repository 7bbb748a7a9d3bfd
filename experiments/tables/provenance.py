"""The provenance of a table's runs, and where it differs within a row or from the reference."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from experiments.records.record import Record, origins
from experiments.runs.provenance import commit_title

ROUNDING = (
    "precision",
    "channels_last",
    "compile",
    "cuda_graphs",
    "deterministic",
    "micro_batch",
    "together",
    "kernels",
)
ORDINARY = {"precision": "fp32", "together": "interleaved", "kernels": "torch"}


def rounding_setting(key: str, provenance: Mapping[str, Any]) -> str:
    """``impl.<key>`` of a run; None for records from before the key existed."""
    return str(provenance["impl"].get(key) or ORDINARY.get(key))


KINDS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "commit": lambda p: p["commit"],
    "device": lambda p: p["device"],
    "versions": lambda p: str(p["versions"]),
    "threads": lambda p: p["threads"],
    "data": lambda p: p["data"],
} | {f"impl.{key}": functools.partial(rounding_setting, key) for key in ROUNDING}


def provenance_remark(
    runs: Sequence[Record], reference: Sequence[Record] = (), title: str = "", kinds: Collection[str] = KINDS
) -> str:
    """What differs among the ``runs`` of a row, and what else differs from the ``reference``'s runs.

    It names commit, device, versions, threads, data, and the ``impl`` keys that can change a result by rounding. Empty
    if nothing differs. ``title`` is that of the reference; ``kinds`` are the kinds of provenance to compare.
    """
    own, other = found_values(runs), found_values(reference)
    within = [kind for kind in kinds if len(own[kind]) > 1]
    beside = [k for k in kinds if k not in within and own[k] and other[k] and own[k] != other[k]]
    parts = [f"runs differ in {', '.join(within)}"] if within else []
    parts += [f"runs differ from those of {title} in {', '.join(beside)}"] if beside else []
    return "; ".join(parts)


def found_values(runs: Sequence[Record]) -> dict[str, set[Any]]:
    """By kind of provenance, every value among the runs."""
    every = [each for record in runs for each in origins(record)]
    return {kind: {value(each) for each in every} for kind, value in KINDS.items()}


def saw_other_data(runs: Sequence[Record], reference: Sequence[Record]) -> bool:
    """Whether the runs of a row and its reference were trained on different data."""
    return len({each["data"] for record in (*runs, *reference) for each in origins(record)}) > 1


def commits_of(runs: Sequence[Record]) -> list[str]:
    return sorted({commit_title(each["commit"], each["clean"]) for record in runs for each in origins(record)})


def training_hours(runs: Iterable[Record]) -> float:
    return float(sum(run["provenance"]["seconds"] for run in runs)) / 3600


def provenance_note(runs: Sequence[Record]) -> str:
    """Number and cost of the runs, their commits, machines and versions."""
    if not runs:
        return "No run yet."
    found = [each for record in runs for each in origins(record)]
    devices, threads = (sorted({str(each[key]) for each in found}) for key in ("device", "threads"))
    versions = sorted({", ".join(f"{name} {number}" for name, number in each["versions"].items()) for each in found})
    return (
        f"{len(runs)} runs, {training_hours(runs):.1f} h of training; commit {', '.join(commits_of(runs))}; "
        f"{'; '.join(devices)}, threads {', '.join(threads)}; {'; '.join(versions)}."
    )
