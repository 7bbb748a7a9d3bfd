"""What an experiment will cost and can show, before it is run: runs, seeds with power, time from records.

python scripts/plan.py experiment=table_cifar10
python scripts/plan.py experiment=table_mnist workers=2      two runs at a time
python scripts/plan.py experiment=all                        every preset of configs/experiment
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.cli import key_values, read_whole, script
from experiments.records.read import every_record
from experiments.studies.cells import cells_of
from experiments.studies.cost import plan_text
from experiments.studies.presets import load_preset, preset_names

KEYS = {"experiment": "", "workers": "1", "results_dir": "results"}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    workers = read_whole("workers", values["workers"])
    records = every_record(Path(values["results_dir"]) / "records")
    chosen = preset_names() if values["experiment"] == "all" else [values["experiment"]]
    for preset in [load_preset(name) for name in chosen]:
        print(plan_text(preset, cells_of(preset), records, workers))


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
