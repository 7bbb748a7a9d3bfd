"""How often GELU under another name is called different from GELU: at most as often as the error allows."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from pathlib import Path

import pytest

from experiments.config.compose import RECORDS
from experiments.stats import follow_rows
from experiments.studies import tuning
from experiments.studies.presets import load_preset, looks_of
from experiments.studies.results import Results
from experiments.trial.battery import batteries, follow_task, tasks_of
from experiments.trial.training import train_runs
from experiments.trial.verdict import rows_of
from tests.experiments.zygote import ROOT

RENAMED = f"activation=custom activation.target={ROOT}/tests/experiments/trial/suspects.py:Renamed"
REPEATS = 4000
ERROR = 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["battery_digits_mlp", "battery_digits_cnn"])
def test_ten_real_repeats_with_seeds_of_their_own(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tuned and trained anew each time: of ten true nulls at 5 %, three or more differ with a chance of 1 %."""
    monkeypatch.setitem(batteries(), "minutes", [name])
    (preset,) = tasks_of("minutes", RENAMED, ["gelu"])
    kinds: Counter[str] = Counter()
    for repeat in range(10):
        monkeypatch.setattr(tuning, "FIRST_SEED", 5000 + 100 * repeat)
        first = 100 * (repeat + 1)
        shifted = dataclasses.replace(preset, explored=first, seeds=first + preset.looks[-1])
        results = Results(str(tmp_path / str(repeat)))
        while (state := follow_task(shifted, results, 1)).missing:
            train_runs(state.missing, results.runs_dir, tmp_path / "logs", 2, f"repeat {repeat}")
        kinds.update(row["kind"] for row in rows_of(state))
    print(name, dict(kinds))
    assert kinds["better"] + kinds["worse"] <= 2
    assert sum(kinds.values()) == 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["battery_digits_mlp", "battery_digits_cnn"])
def test_repeats_drawn_from_the_recorded_runs(name: str) -> None:
    """Both sides drawn anew from GELU's recorded runs, with the looks of the task, and one comparison of a page."""
    preset = load_preset(name)
    state = follow_task(dataclasses.replace(preset, cells=preset.cells[:2]), Results("nowhere", RECORDS), 1)
    recorded = recorded_gelu(state, preset.metric)
    assert len(set(recorded)) > 3
    draw, looks, seeds = random.Random(0), looks_of(preset), list(preset.counted)
    kinds: Counter[str] = Counter()
    for _ in range(REPEATS):
        values = {side: dict(zip(seeds, draw.choices(recorded, k=len(seeds)), strict=True)) for side in ("own", "gelu")}
        (row,) = follow_rows(values, {"own": "gelu"}, True, looks, seeds, preset.margin, 1).values()
        assert row.verdict is not None
        kinds[row.verdict.kind] += 1
    print(name, {kind: count / REPEATS for kind, count in kinds.items()})
    assert (kinds["better"] + kinds["worse"]) / REPEATS <= ERROR + 2 * (ERROR * (1 - ERROR) / REPEATS) ** 0.5


def recorded_gelu(state, metric: str) -> list[float]:  # type: ignore[no-untyped-def]
    """The metric of GELU's counted runs."""
    results = Results("nowhere", RECORDS)
    (gelu,) = (cell for cell in state.cells if cell.overrides == "activation=gelu")
    results.read_records([gelu.run])
    return [float(each[metric]) for (run, _), each in results.recorded.items() if run == gelu.run]
