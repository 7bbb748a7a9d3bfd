"""Build tables from finished runs and committed records.

  python scripts/aggregate.py table=table_mnist      one preset of configs/experiment
  python scripts/aggregate.py table=all              every preset that has a record or a run

Finished runs below runs_dir (results/runs) are copied into results/records/<experiment>.jsonl; the tables
results/tables/<experiment>.md, .csv and .tex are made from the records alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.cells import cells_of
from experiments.files import write_atomic
from experiments.presets import load, names
from experiments.records import refresh
from experiments.render import FORMATS, markdown
from experiments.tables import build
from experiments.words import key_values, script

KEYS = {"table": "", "runs_dir": "results/runs", "results_dir": "results"}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    results = Path(values["results_dir"])
    every = values["table"] == "all"
    for name in names() if every else [values["table"]]:
        if every and not (results / "records" / f"{name}.jsonl").exists() and not Path(values["runs_dir"]).is_dir():
            continue
        plan = load(name)
        cells = cells_of(plan)
        records = refresh(plan, cells, results / "records", values["runs_dir"])
        if not records and every:
            continue
        table = build(plan, cells, records)
        (results / "tables").mkdir(parents=True, exist_ok=True)
        for suffix, render in FORMATS.items():
            write_atomic(results / "tables" / f"{name}.{suffix}", render(table).encode())
        print(markdown(table))


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
