"""The remaining cost of a battery's tasks and what they can show, before any run is submitted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from experiments.config.identity import run_directories
from experiments.config.schema import Config
from experiments.files import read_json
from experiments.records.record import GROUPS, Record
from experiments.studies.cost import duration, estimate, seed_lines
from experiments.studies.results import Results
from experiments.trial.battery import TaskState


def battery_plan(states: Sequence[TaskState], results: Results, records: Sequence[Record]) -> str:
    """Task by task: runs, time and power; then the sum. ``records`` give the time of a run and the spread of seeds."""
    lines, total, timed = [], 0, True
    seconds = 0.0
    for state in states:
        runs, needs, described = task_plan(state, results, records)
        lines += described
        total, timed, seconds = total + runs, timed and needs is not None, seconds + (needs or 0.0)
    needed = duration(seconds) if timed else "hours unknown" if not seconds else f"more than {duration(seconds)}"
    return "\n".join([*lines, f"in all: at most {total} runs, {needed}, one after another"])


def task_plan(state: TaskState, results: Results, records: Sequence[Record]) -> tuple[int, float | None, list[str]]:
    """The largest number of runs, their seconds (None: unknown), and the lines of text."""
    preset, cells = state.preset, state.cells
    tuning = len(state.missing) if state.stage == "tuning" else 0
    known = 0 if tuning else sum(results.find(c.run, c.config, s) is not None for c in cells for s in preset.counted)
    stopped = {name for name, row in state.rows.items() if row.stopped}
    open_cells = [cell for cell in cells if cell.overrides not in stopped] if len(stopped) < len(cells) - 1 else []
    counted = len(open_cells) * len(preset.counted) - (known if open_cells else 0)
    parts = [(tuning, state.missing[0][0].config if tuning else cells[0].config), (max(0, counted), cells[0].config)]
    seconds, words = time_of([part for part in parts if part[0]], records)
    own = [record for record in records if any(record["run"] == cell.run for cell in cells)]
    looks = ", ".join(map(str, preset.looks))
    return tuning + max(0, counted), seconds, [
        f"{preset.title}",
        f"  runs   {tuning} of tuning, at most {max(0, counted)} counted (looks at {looks} seeds)",
        f"  time   {words}",
        *(f"  seeds  {line}" for line in seed_lines(preset, cells, own)),
    ]  # fmt: skip


def time_of(parts: Sequence[tuple[int, Config]], records: Sequence[Record]) -> tuple[float | None, str]:
    """Seconds of these numbers of runs of each configuration, in sequence, and the text for them."""
    if not parts:
        return 0.0, "nothing to train"
    paces = [estimate(config, records) for _, config in parts]
    found = [pace for pace in paces if pace]
    if len(found) < len(paces):
        return None, "cannot be estimated before a run of this data and network has finished"
    total = sum(count * pace.seconds for (count, _), pace in zip(parts, found, strict=True))
    devices = ", ".join(sorted({pace.device for pace in found}))
    return total, f"at most {duration(total)}, from {max(pace.runs for pace in found)} runs on {devices}"


def finished_here(runs_dir: Path) -> list[dict[str, Any]]:
    """The parts of a record that estimates and spreads need, for each finished run below ``runs_dir``."""
    found = []
    for folder in run_directories(runs_dir, "metrics.json"):
        result, meta = read_json(folder / "metrics.json"), read_json(folder / "meta.json")
        config = yaml.safe_load((folder / "config.yaml").read_text())
        origin = {"seconds": meta["seconds"], "device": meta["parts"][-1]["device"]}
        groups = {key: config[key] for key in GROUPS}
        found.append(
            {"run": result["run"], "seed": result["seed"], "config": groups, "result": result, "provenance": origin}
        )
    return found
