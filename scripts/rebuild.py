"""Tables, figures and results/report.html from the runs there are and results/records, each table built once.

python scripts/rebuild.py                          what aggregate.py table=all, figures.py figure=all and report.py do
python scripts/rebuild.py runs_dir=elsewhere results_dir=elsewhere
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.cli import key_values, script
from experiments.tables.table import Table
from scripts import aggregate, figures, report

KEYS = {"runs_dir": "results/runs", "results_dir": "results"}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    results = Path(values["results_dir"])
    tables = []
    for table in aggregate.aggregate_all(results, values["runs_dir"]):
        if isinstance(table, Table):
            tables.append(table)
        print(f"table: {results / 'tables' / table.preset.name}.md, .csv, .tex", flush=True)
    figures.draw_all(tables, results)
    report.write(tables, results)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
