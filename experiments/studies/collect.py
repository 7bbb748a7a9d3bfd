"""Collects the records of a preset with stages: its tuning runs, in a file of their own, and its counted runs."""

from __future__ import annotations

from pathlib import Path

from experiments.records.checks.whole import TUNING
from experiments.records.record import Record
from experiments.records.store import refresh_records
from experiments.studies.presets import Preset
from experiments.studies.results import Results
from experiments.studies.stages import Study, follow_study


def collect_stages(preset: Preset, records_dir: Path, runs_dir: str) -> tuple[Study, list[Record]]:
    """Update both record files with the finished runs below ``runs_dir``.

    Returns the state of the study, and the records of its counted runs. Only records of this preset's own files and
    runs below ``runs_dir`` are used: all rows of a tuned table come from one place. Raises UserError if a record is
    invalid, or two contradict each other.
    """
    own = Results(runs_dir, records_dir, only=preset.name)
    study = follow_study(preset, own)
    if study.tuning is not None:
        refresh_records(
            preset.name,
            {cell.run: cell.config for cell in study.tuning.tried},
            preset.tune.seed_numbers,
            records_dir / TUNING,
            runs_dir,
            lend=False,
        )
    counted = {cell.run: cell.config for cell in study.cells}
    return study, refresh_records(
        preset.name, counted, list(preset.counted), records_dir, runs_dir, preset.metric, lend=False
    )
