"""``results/records/<experiment>.jsonl``: one line a finished run, enough to rebuild every table and figure."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.config import Config, run_path
from experiments.config.identity import hash_of, identifying, parameters
from experiments.config.resolve import typed_activation, typed_dataset, typed_model, typed_recipe
from experiments.errors import UserError
from experiments.files import read_json, write_atomic
from experiments.metrics_log import read_lines
from experiments.tables.cells import Cell
from experiments.tables.presets import Preset

FORMAT = 1
ORIGIN = ("commit", "clean", "versions", "device", "threads", "impl")
CURVE_POINTS = 200
CURVE_DIGITS = 6  # significant; the result itself is kept in full
RUN = re.compile(r'"run": "([0-9a-f]{64})"')
PRIVATE = ("runs_dir=", "data_dir=", "cache_dir=")  # machine paths do not belong into a record

Record = dict[str, Any]


def collect(preset: Preset, cells: list[Cell], runs_dir: str) -> list[Record]:
    """A record of every finished or diverged run of the preset below ``runs_dir``."""
    found = []
    for cell in cells:
        for seed in range(preset.seeds):
            directory = run_path(dataclasses.replace(cell.config, seed=seed, runs_dir=runs_dir))
            if (directory / "metrics.json").exists():
                found.append(record(preset.name, cell.config, directory))
    return found


def record(experiment: str, config: Config, directory: Path) -> Record:
    groups = ("dataset", "model", "activation", "recipe")
    return {
        "format": FORMAT,
        "experiment": experiment,
        "config": {key: value for key, value in asdict(config).items() if key in groups},
    } | outcome(directory)


def outcome(directory: Path) -> Record:
    """What a finished run left: which it is, its result, where it comes from, its curve."""
    result, meta = read_json(directory / "metrics.json"), read_json(directory / "meta.json")
    last, earlier = meta["parts"][-1], unlike_the_last(meta["parts"])
    command = " ".join(word for word in last["command"].split() if not word.startswith(PRIVATE))
    provenance = {key: last[key] for key in (*ORIGIN, "started")}
    return {
        "run": result["run"],
        "seed": result["seed"],
        "result": {key: value for key, value in result.items() if key not in ("format", "run", "seed")},
        "provenance": provenance
        | {"command": command, "starts": len(meta["parts"])}
        | {"vectorised": any(part.get("vectorised") for part in meta["parts"])}
        | {key: meta[key] for key in ("seconds", "peak_memory_mib", "data")}
        | ({"earlier": earlier} if earlier else {}),
        "curve": thin(read_lines(directory / "metrics.jsonl")),
    }


def unlike_the_last(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where an interrupted run began, if it went on elsewhere: each other commit, device, version or setting, once."""
    seen = [{key: part[key] for key in ORIGIN} for part in parts]
    return [each for index, each in enumerate(seen) if each not in (*seen[:index], seen[-1])]


def origins(record: Record) -> list[dict[str, Any]]:
    """All that a run was trained with, one provenance for each commit, device, version or setting."""
    provenance = record["provenance"]
    return [*(provenance | each for each in provenance.get("earlier", [])), provenance]


def thin(lines: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """At most 200 lines, evenly spaced with the last, lines with an evaluation first; one list a key."""
    evaluated = [line for line in lines if any(key.startswith(("test_", "val_")) for key in line)]
    chosen = lines if len(lines) <= CURVE_POINTS else spaced(evaluated or lines)
    keys = list(dict.fromkeys(key for line in chosen for key in line if key != "by_layer"))
    return {key: [rounded(line.get(key)) for line in chosen] for key in keys}


def spaced(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = len(lines) - 1
    count = min(CURVE_POINTS, len(lines))
    return [lines[round(index * last / (count - 1))] for index in range(count)] if count > 1 else lines


def rounded(value: Any) -> Any:
    return float(f"{value:.{CURVE_DIGITS}g}") if isinstance(value, float) else value


def read(path: Path) -> tuple[dict[int, Record], list[str]]:
    """The sound records of a file by line number, and a complaint, with file and line, for each other line."""
    records: dict[int, Record] = {}
    lines: dict[tuple[str, int], int] = {}
    complaints = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines() if path.exists() else [], 1):
        try:
            record = sound(json.loads(line))
            first = lines.setdefault((record["run"], record["seed"]), number)
            if first != number:
                raise ValueError(f"the same run and seed as line {first}")
            records[number] = record
        except (ValueError, KeyError, TypeError, AttributeError, UserError) as error:
            complaints.append(f"{path}:{number}: left out: {' '.join(str(error).split()) or type(error).__name__}")
    return records, complaints


def load(path: Path, cells: list[Cell]) -> list[Record]:
    """The records of these cells in a file; whatever else it holds is named on stderr."""
    records, complaints = read(path)
    warn(complaints + strangers(path, records, cells))
    return [record for record in records.values() if belongs(record, cells)]


def every_record(records_dir: Path) -> list[Record]:
    """The sound records of all experiments."""
    return [record for path in sorted(records_dir.glob("*.jsonl")) for record in read(path)[0].values()]


def elsewhere(preset: Preset, cells: Sequence[Cell], records_dir: Path) -> list[Record]:
    """What other tables have recorded of the preset's runs: a run counts for every table that asks for it."""
    wanted = {cell.run for cell in cells}
    return [
        record | {"experiment": preset.name}
        for path in sorted(records_dir.glob("*.jsonl"))
        if path.stem != preset.name and wanted.intersection(RUN.findall(path.read_text()))
        for record in read(path)[0].values()
        if record["run"] in wanted and record["seed"] < preset.seeds
    ]


def strangers(path: Path, records: dict[int, Record], cells: list[Cell]) -> list[str]:
    return [
        f"{path}:{number}: left out: its configuration is that of no cell (run {record['run'][:8]})"
        for number, record in records.items()
        if not belongs(record, cells)
    ]


def belongs(record: Record, cells: Sequence[Cell]) -> bool:
    return any(record["run"] == cell.run for cell in cells)


def warn(complaints: list[str]) -> None:
    for complaint in complaints:
        print(f"warning: {complaint}", file=sys.stderr)


def sound(line: Record) -> Record:
    """``line``, after checking that its configuration has the hash it claims. Raises ValueError and others."""
    if line["format"] != FORMAT:
        raise ValueError(f"format {line['format']}, this version reads {FORMAT}")
    if hash_of_json(json.dumps(line["config"])) != line["run"]:
        raise ValueError(f"its configuration is not that of run {str(line['run'])[:8]}")
    if line["result"]["status"] not in ("finished", "diverged"):
        raise ValueError(f"status {line['result']['status']}")
    if type(line["seed"]) is not int:
        raise ValueError(f"seed {line['seed']!r}")
    return line


@functools.cache
def hash_of_json(config: str) -> str:
    """The run hash of a record's configuration, typed anew; computed once for all seeds."""
    groups = json.loads(config)
    values = {
        "dataset": identifying(typed_dataset(groups["dataset"])),
        "model": identifying(typed_model(groups["model"])),
        "recipe": identifying(typed_recipe(groups["recipe"])),
        "activation": parameters(typed_activation(groups["activation"], {})),
    }
    return hash_of(values)


def merge(known: list[Record], found: list[Record], cells: list[Cell]) -> list[Record]:
    """Found runs replace known records of the same run and seed; in the order of the cells, then by seed."""
    by_key = {(record["run"], record["seed"]): record for record in [*known, *found]}
    order = {cell.run: index for index, cell in enumerate(cells)}
    return sorted(by_key.values(), key=lambda r: (order.get(r["run"], len(order)), r["run"], r["seed"]))


def write(path: Path, records: list[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n" for record in records)
    if not path.exists() or path.read_text() != text:
        write_atomic(path, text.encode())


def refresh(preset: Preset, cells: list[Cell], records_dir: Path, runs_dir: str) -> list[Record]:
    """Bring the record file up to date with the finished runs, and return its sound records of the preset.

    Once it has a run of its own, it also takes what other tables have recorded of its cells.
    A file with a damaged line is used as far as it is sound, but not rewritten; records of runs that the preset no
    longer has stay in it: nobody's evidence is dropped.
    """
    path = records_dir / f"{preset.name}.jsonl"
    known, complaints = read(path)
    warn(complaints + strangers(path, known, cells))
    own, found = list(known.values()), collect(preset, cells, runs_dir)
    lent = elsewhere(preset, cells, records_dir) if own or found else []
    records = merge([*lent, *own], found, cells)
    if records and not complaints:
        write(path, records)
    return [record for record in records if belongs(record, cells)]
