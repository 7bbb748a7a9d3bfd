"""Write results/report.html, one self-contained page, from committed records, tables and figures.

python scripts/report.py                           after aggregate.py and figures.py: make report does all three
python scripts/report.py results_dir=elsewhere
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.files import write_atomic
from experiments.presets import load, names
from experiments.report import render
from experiments.study import recorded
from experiments.words import key_values, script


def main(words: list[str]) -> None:
    results = Path(key_values(words, {"results_dir": "results"})["results_dir"])
    found = {name: recorded(name, results) for name in names()}
    tables = [table for table in found.values() if table]
    unrun = [load(name) for name, table in found.items() if table is None and name != "quickstart"]
    page = results / "report.html"
    write_atomic(page, render(tables, unrun, results).encode())
    print(f"report: {page}, {len(tables)} tables from {sum(len(table.runs) for table in tables)} runs")


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
