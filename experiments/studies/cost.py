"""The cost of a preset and what it can show, before any run: number of runs, seeds with power, time."""

from __future__ import annotations

import functools
import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.config.schema import Config
from experiments.records.record import Record
from experiments.stats import Spread, detectable_with, seeds_needed, spread_for
from experiments.stats.estimate import Test
from experiments.stats.seeds import Aim
from experiments.studies.cells import Cell, metric_of
from experiments.studies.naming import number
from experiments.studies.presets import Preset, compared_pairs
from experiments.studies.results import finished_values


@dataclass(frozen=True)
class Estimate:
    """Seconds of one run, its device, and the number of recorded runs behind it; 0: from the FLOPs of a step."""

    seconds: float
    device: str
    runs: int


Estimator = Callable[[Config], Estimate | None]


def estimate(config: Config, records: Sequence[Record], here: str | None = None) -> Estimate | None:
    """The time from records of the same data and network, per epoch or per step; None if there are none.

    It is the median over the runs on the device ``here``. If there are none, it is that of the device with most runs.
    """
    by_device: dict[str, list[float]] = {}
    for record in records:
        kind = record["config"]
        if kind["model"] == vars(config.model) and same_data(kind["dataset"], vars(config.dataset)):
            pace = seconds_per_unit(record, config)
            if pace is not None:
                by_device.setdefault(record["provenance"]["device"], []).append(pace)
    if not by_device:
        return None
    device = here if here in by_device else max(by_device, key=lambda name: len(by_device[name]))
    return Estimate(statistics.median(by_device[device]), device, len(by_device[device]))


def same_data(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether data and images per epoch are the same."""
    return all((one.get(key) or None) == (other.get(key) or None) for key in ("name", "train_size", "holdout"))


def seconds_per_unit(record: Record, config: Config) -> float | None:
    """The seconds that ``config`` would take at the speed of ``record``."""
    result, seconds, recipe = record["result"], record["provenance"]["seconds"], config.recipe
    steps = recipe.max_steps or recipe.steps
    if steps and result.get("step"):
        return float(seconds / result["step"] * steps)
    if not steps and result.get("epoch"):
        return float(seconds / result["epoch"] * (recipe.epochs or 0))
    return None


def plan_text(
    preset: Preset, cells: Sequence[Cell], records: Sequence[Record], workers: int, estimator: Estimator | None = None
) -> str:
    """The plan in a dozen lines. ``estimator`` says how long a run takes; by default the records do."""
    estimator = estimator or functools.partial(estimate, records=records)
    mine = {(r["run"], r["seed"]): r for r in records if any(r["run"] == cell.run for cell in cells)}
    done = sum((cell.run, seed) in mine for cell in cells for seed in preset.counted)
    total = len(cells) * len(preset.counted)
    lines = [
        f"{preset.name}: {preset.title}",
        *([f"  question  {preset.question}"] if preset.question else []),
        f"  runs      {len(cells)} cells × {len(preset.counted)} seeds = {total}, of which recorded: {done}",
        *(f"  stages    {line}" for line in stage_lines(preset, cells)),
        *(f"  time      {line}" for line in time_lines(preset, cells, mine, workers, estimator)),
        *(f"  seeds     {line}" for line in seed_lines(preset, cells, list(mine.values()))),
        f"  command   python train.py -m experiment={preset.name}",
    ]
    return "\n".join(lines)


def stage_lines(preset: Preset, cells: Sequence[Cell]) -> list[str]:
    """The lines on the runs before the counted ones, and on when the study may stop."""
    lines = []
    if preset.tune:
        values, seeds = math.prod(len(axis) for axis in preset.tune.grid.values()), preset.tune.seeds
        lines.append(
            f"tuning: {len(cells)} cells × {values} values × {seeds} seeds = {len(cells) * values * seeds} runs "
            f"in addition; the grid may grow at an end, at most {preset.tune.extend} times"
        )
    if preset.looks:
        sizes = ", ".join(map(str, preset.looks))
        lines.append(f"looks at {sizes} seeds: a row stops at the first that settles it; times below are of all seeds")
    return lines


def time_lines(
    preset: Preset,
    cells: Sequence[Cell],
    mine: Mapping[tuple[str, int], Record],
    workers: int,
    estimator: Estimator,
) -> list[str]:
    known: dict[str, Estimate | None] = {}
    total, unknown, bases = 0.0, 0, []
    for cell in cells:
        missing = sum((cell.run, seed) not in mine for seed in preset.counted)
        key = json.dumps([vars(cell.config.model), vars(cell.config.recipe)])
        if key not in known:
            known[key] = estimator(cell.config)
        found = known[key]
        unknown += 0 if found else missing
        total += found.seconds * missing if found else 0
        bases += [found] if found else []
    lines = []
    if bases:
        devices = ", ".join(sorted({base.device for base in bases}))
        runs = max(base.runs for base in bases)
        lines.append(f"{duration(total)} still to go, {duration(total / workers)} with {workers} at a time")
        recorded = f"from up to {runs} recorded runs of this data and network on {devices}"
        lines.append(recorded if runs else f"from the FLOPs of a step, without evaluations, at the speed of {devices}")
    if unknown:
        lines.append(f"{unknown} runs cannot be estimated: no run of that data and network is on record")
    return lines


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def seed_lines(preset: Preset, cells: Sequence[Cell], records: Sequence[Record]) -> list[str]:
    """What the planned seeds can show, with the sd of the records or else the preset's."""
    metric = metric_of(preset, cells)
    unit, places, count = metric.difference_unit, metric.digits, len(preset.counted)
    values = {
        cell.overrides: finished_values([r for r in records if r["run"] == cell.run], preset.metric) for cell in cells
    }
    pairs = compared_pairs(preset)
    test: Test = "paired" if preset.comparison == "paired" else "welch"
    spread, source = spread_for(test, values, pairs), "pooled over the records"
    what = "a difference at one seed" if test == "paired" else "one run"
    if not spread.known:
        if preset.sd is None:
            return ["the spread over seeds is not known yet: run two or three seeds, then plan again"]
        sd = preset.sd * (math.sqrt(2) if test == "paired" else 1)
        spread, source = Spread(sd, sd), f"assumed from the preset's sd of one run, {number(preset.sd)}"
    elif not spread.alike:
        source = "from pair to pair compared, as the recorded rows spread unalike"
    least = (
        spread.text(lambda sd, k=k: f"{detectable_with(test, count, sd, k):.{places}f}")  # type: ignore[misc]
        for k in (1, len(pairs))
    )
    lines = [
        f"sd of {what} {spread.text(lambda sd: f'{sd:.{places}f}')} {unit}, {source}",
        "{} seeds find {} {unit} (80 % power, two-sided 5 %), {} {unit} corrected over the table".format(
            count, *least, unit=unit
        ),
    ]
    wanted: list[tuple[str, Aim, float | None]] = [
        ("to find", "difference", preset.effect),
        ("to show equivalence within", "equivalence", preset.margin),
    ]
    for words, aim, size in wanted:
        if size is not None:
            alone, corrected = (
                [seeds_needed(test, aim, size, sd, k) for sd in (spread.low, spread.high)]
                for k in (1, max(1, len(pairs)))
            )
            word = "enough" if count >= corrected[1] else "enough before correction" if count >= alone[1] else "too few"
            lines.append(
                f"{words} {number(size)} {unit}: {span(alone)} seeds ({span(corrected)} corrected over the table); "
                f"planned {count}: {word}"
            )
    return lines


def span(counts: Sequence[int]) -> str:
    """``4`` or ``4 to 93``."""
    return " to ".join(dict.fromkeys(map(str, counts)))
