"""The cost of an experiment and what it can show, before it is run: runs, seeds with power, time from records.

python scripts/plan.py experiment=table_cifar10
python scripts/plan.py experiment=table_mnist workers=2      two runs at a time
python scripts/plan.py experiment=all                        every preset of configs/experiment
python scripts/plan.py experiment=table_gpt2 device=nvidia-h200     at the speed that scripts/gpu.py measured

Without device=, times come from the runs recorded on this machine's device. If there are none, they come from the
device with the most runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.cli import key_values, read_whole, script
from experiments.records.read import every_record
from experiments.records.record import Record
from experiments.runs.provenance import device_name
from experiments.studies.cells import cells_of
from experiments.studies.cost import Estimator, estimate, plan_text
from experiments.studies.presets import load_preset, preset_names

KEYS = {"experiment": "", "workers": "1", "device": "", "results_dir": "results"}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    workers = read_whole("workers", values["workers"])
    records = every_record(Path(values["results_dir"]) / "records")
    estimator = estimator_for(values["device"], Path(values["results_dir"]), records)
    chosen = preset_names() if values["experiment"] == "all" else [values["experiment"]]
    for preset in [load_preset(name) for name in chosen]:
        print(plan_text(preset, cells_of(preset), records, workers, estimator))


def estimator_for(device: str, results_dir: Path, records: Sequence[Record]) -> Estimator:
    """The estimator from the measurements on ``device``, or from ``records`` if none is named."""
    if device:
        from benchmarks.gpu.prediction import Prediction

        return Prediction(device, results_dir)
    import torch

    here = device_name(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    return lambda config: estimate(config, records, here)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
