"""Records with a known truth, for tests of tables and figures."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from experiments.records.record import Record
from experiments.studies.cells import Cell


def record(cell: Cell, seed: int, value: float, status: str = "finished", **provenance: Any) -> Record:
    """What a run of ``cell`` would have left behind, with test accuracy ``value``."""
    known = {
        "commit": "0" * 40,
        "clean": True,
        "versions": {"python": "3", "torch": "2"},
        "device": "test device",
        "threads": 1,
        "impl": {"name": "default"},
        "started": "2026-01-01T00:00:00+0000",
        "command": "python train.py",
        "starts": 1,
        "seconds": 10.0,
        "peak_memory_mib": 100.0,
        "data": "d" * 16,
    }
    groups = ("dataset", "model", "activation", "recipe")
    return {
        "format": 1,
        "experiment": "quickstart",
        "run": cell.run,
        "seed": seed,
        "config": {key: item for key, item in asdict(cell.config).items() if key in groups},
        "result": {"status": status, "step": 2, "epoch": 2.0, "test_accuracy": value, "train_loss": 0.1},
        "provenance": known | provenance,
        "curve": {"epoch": [1.0, 2.0], "train_loss": [0.5, 0.1], "test_accuracy": [value - 1, value]},
    }
