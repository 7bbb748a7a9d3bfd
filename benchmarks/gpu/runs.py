"""Trains runs of a study in sequence until the time is over: seed by seed, with the cells of interest first."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu.child import Row
from experiments.config.compose import compose_run
from experiments.config.identity import run_path, run_title
from experiments.errors import FINISHED, UserError
from experiments.files import read_json
from experiments.records.store import refresh_records
from experiments.runs.run import run_config
from experiments.studies.cells import Cell, cells_of
from experiments.studies.presets import Preset, load_preset

STUDY = {"cuda": "table_cifar10_jpeg_resnet56", "cpu": "quickstart"}
FIRST = ("segem", "gelu")  # the pair of the published difference


def rows(device: str, results_dir: Path) -> Iterator[Row]:
    preset = load_preset(STUDY[device])
    cells = sorted(cells_of(preset), key=lambda cell: place(cell.overrides))
    runs_dir = results_dir / "runs"
    by_run = {cell.run: cell.config for cell in cells}
    for seed in preset.counted:
        for cell in cells:
            yield train(preset, cell, seed, device, runs_dir)
            if device == "cuda":
                counted = range(preset.seeds)
                refresh_records(preset.name, by_run, counted, results_dir / "records", str(runs_dir), preset.metric)


def place(overrides: str) -> int:
    names = [name for name in FIRST if f"activation={name}" in overrides.split()]
    return FIRST.index(names[0]) if names else len(FIRST)


def train(preset: Preset, cell: Cell, seed: int, device: str, runs_dir: Path) -> Row:
    """Train one run, or continue it. Raises UserError if it cannot be trained, and Stopped."""
    impl = "impl=fast" if device == "cuda" else "impl=default"
    words = [
        f"experiment={preset.name}",
        *cell.words,
        f"seed={seed}",
        impl,
        f"impl.device={device}",
        "tracking=disabled",
    ]
    config = dataclasses.replace(compose_run(words), runs_dir=str(runs_dir))
    begun = time.monotonic()
    status = run_config(config, " ".join(["python train.py", *words]))
    if status != FINISHED and not (run_path(config) / "metrics.json").exists():
        raise UserError(f"{run_title(config)}: ended with status {status}")
    result = read_json(run_path(config) / "metrics.json")
    key = preset.metric
    return {
        "run": run_title(config),
        "seed": seed,
        "result": f"{key} {result[key]:.2f}" if key in result else "diverged",
        "seconds": round(time.monotonic() - begun, 1),
    }
