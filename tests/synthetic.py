"""Records with a known truth, for tests of tables and figures."""

from __future__ import annotations

import random
from dataclasses import asdict
from typing import Any

from experiments.records.checks.planned import PlannedRun
from experiments.records.record import GROUPS, Record, thin_curve
from experiments.studies.cells import Cell

STEPS = 10  # an epoch
SECONDS = 0.5  # a step
KEY = "test_accuracy"


def record(cell: Cell, seed: int, value: float, status: str = "finished", **provenance: Any) -> Record:
    """What a run of ``cell`` would have left behind, with test accuracy ``value``; a diverged run has none."""
    lines = lines_of(cell, seed, value, status)
    known = {
        "commit": "0" * 40,
        "clean": True,
        "versions": {"python": "3", "torch": "2"},
        "device": "test device",
        "threads": 1,
        "impl": {"name": "default"},
        "started": "2026-01-01T00:00:00+0000",
        "command": f"python train.py seed={seed}",
        "starts": 1,
        "seconds": lines[-1]["seconds"],
        "peak_memory_mib": 100.0,
        "data": "d" * 16,
    }
    return {
        "format": 1,
        "experiment": "quickstart",
        "run": cell.run,
        "seed": seed,
        "config": {key: item for key, item in asdict(cell.config).items() if key in GROUPS},
        "result": {"status": status} | {k: v for k, v in lines[-1].items() if k not in ("lr", "seconds")},
        "provenance": known | provenance,
        "curve": thin_curve(lines, {KEY}),
    }


def lines_of(cell: Cell, seed: int, value: float, status: str) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl: accuracy rises by one in the last epoch. A diverged run ends at its first line."""
    planned = PlannedRun(cell.config.recipe, STEPS)
    steps, evaluated = planned.logged_steps(planned.last_step), planned.evaluated_steps(planned.last_step)
    if status == "diverged":
        return [line_of(planned, steps[0], cell, seed) | {"train_loss": None, "diverged_at_step": steps[0]}]
    accuracy = {step: {KEY: value if step == planned.last_step else value - 1} for step in evaluated}
    return [line_of(planned, step, cell, seed) | accuracy.get(step, {}) for step in steps]


def line_of(planned: PlannedRun, step: int, cell: Cell, seed: int) -> dict[str, Any]:
    noise = random.Random(f"{cell.run} {seed} {step}").random()
    return {
        "step": step,
        "epoch": round(step / STEPS, 6),
        "lr": planned.schedule.rate(step - 1),
        "train_loss": 1 / step + noise,
        "gradient_norm": 1 + noise,
        "seconds": SECONDS * step,
    }
