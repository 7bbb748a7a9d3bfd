"""Write results/report.html, one self-contained page, from committed records, tables and figures.

python scripts/report.py                           after aggregate.py and figures.py: make report does all three
python scripts/report.py results_dir=elsewhere
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from experiments.files import write_atomic
from experiments.parallel import over_cores
from experiments.presets import Preset, load, names
from experiments.report import render
from experiments.study import recorded
from experiments.tables import Table
from experiments.words import key_values, script


def main(words: list[str]) -> None:
    results = Path(key_values(words, {"results_dir": "results"})["results_dir"])
    found = list(over_cores(functools.partial(told, results=results), names()))
    tables = [one for one in found if isinstance(one, Table)]
    unrun = [one for one in found if isinstance(one, Preset) and one.name != "quickstart"]
    page = results / "report.html"
    write_atomic(page, render(tables, unrun, results).encode())
    print(f"report: {page}, {len(tables)} tables from {sum(len(table.runs) for table in tables)} runs")


def told(name: str, results: Path) -> Table | Preset:
    """The table of a preset that has records, and else the preset."""
    return recorded(name, results) or load(name)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
