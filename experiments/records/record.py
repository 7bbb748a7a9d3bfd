"""The record of a run: configuration, result, provenance, learning curve."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.config.schema import Config
from experiments.families.registry import family_of_model
from experiments.files import read_json
from experiments.runs.metrics_log import read_lines

FORMAT = 1
GROUPS = ("dataset", "model", "activation", "recipe")
ORIGIN = ("commit", "clean", "versions", "device", "threads", "impl")
CURVE_POINTS = 200
CURVE_DIGITS = 6  # significant digits; the result itself is kept in full
PRIVATE = ("runs_dir=", "data_dir=", "cache_dir=")  # machine paths do not belong in a record

Record = dict[str, Any]


def make_record(experiment: str, config: Config, directory: Path) -> Record:
    """The record of the finished run in ``directory``."""
    groups = {key: value for key, value in asdict(config).items() if key in GROUPS}
    if "target" in groups["activation"]:
        groups["activation"]["target"] = Path(groups["activation"]["target"]).name
    metrics = metric_keys(config.model.kind)
    return {"format": FORMAT, "experiment": experiment, "config": groups} | read_outcome(directory, metrics)


def metric_keys(model_kind: str) -> set[str]:
    """The keys that only lines with an evaluation have."""
    return {metric.key for metric in family_of_model(model_kind).metrics}


def read_outcome(directory: Path, metrics: Collection[str]) -> Record:
    """The outcome of a finished run: its identity, result, provenance and curve."""
    result, meta = read_json(directory / "metrics.json"), read_json(directory / "meta.json")
    first, last, earlier = meta["parts"][0], meta["parts"][-1], unlike_the_last(meta["parts"])
    command = " ".join(word for word in last["command"].split() if not word.startswith(PRIVATE))
    provenance = {key: last[key] for key in (*ORIGIN, "started")}
    return {
        "run": result["run"],
        "seed": result["seed"],
        "result": {key: value for key, value in result.items() if key not in ("format", "run", "seed")},
        "provenance": provenance
        | {"command": command, "starts": len(meta["parts"])}
        | {key: meta[key] for key in ("seconds", "peak_memory_mib", "data")}
        | ({"begun": first["started"]} if len(meta["parts"]) > 1 else {})
        | ({"earlier": earlier} if earlier else {}),
        "curve": thin_curve(read_lines(directory / "metrics.jsonl"), metrics),
    }


def unlike_the_last(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The earlier parts of an interrupted run that differ from the last in commit, device, version or setting."""
    seen = [{key: part[key] for key in ORIGIN} for part in parts]
    return [each for index, each in enumerate(seen) if each not in (*seen[:index], seen[-1])]


def origins(record: Record) -> list[dict[str, Any]]:
    """All origins of a run: one provenance for each commit, device, version or setting."""
    provenance = record["provenance"]
    return [*(provenance | each for each in provenance.get("earlier", [])), provenance]


def thin_curve(lines: list[dict[str, Any]], metrics: Collection[str]) -> dict[str, list[Any]]:
    """The curve as one list per key, with at most 200 evenly spaced lines. The last line is always kept.

    Lines with one of ``metrics`` take precedence. The last line of a diverged run is kept although it has no metric.
    """
    evaluated = [line for line in lines if line is lines[-1] or any(key in metrics for key in line)]
    chosen = lines if len(lines) <= CURVE_POINTS else spaced(evaluated if len(evaluated) > 1 else lines)
    keys = list(dict.fromkeys(key for line in chosen for key in line if key != "by_layer"))
    return {key: [rounded(line.get(key)) for line in chosen] for key in keys}


def spaced(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = len(lines) - 1
    count = min(CURVE_POINTS, len(lines))
    return [lines[round(index * last / (count - 1))] for index in range(count)] if count > 1 else lines


def rounded(value: Any) -> Any:
    return float(f"{value:.{CURVE_DIGITS}g}") if isinstance(value, float) else value
