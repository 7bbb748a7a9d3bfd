"""Write results/report.html, one self-contained page, from committed records, tables and figures.

python scripts/report.py                     after aggregate.py and figures.py
python scripts/report.py rebuild=true        first the tables, the figures, and the tables that README.md shows
python scripts/report.py check=true          only check whether README.md and docs/findings*.md show the current tables
python scripts/report.py runs_dir=elsewhere results_dir=elsewhere
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.cli import key_values, read_switch, script
from experiments.files import write_atomic
from experiments.parallel import over_cores
from experiments.report import render
from experiments.report.pages import TABLES, check_pages, write_pages
from experiments.studies.presets import load_preset, preset_names
from experiments.tables.recorded import recorded
from experiments.tables.table import Table
from scripts import aggregate, figures

KEYS = {"runs_dir": "results/runs", "results_dir": "results", "rebuild": "false", "check": "false"}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    results = Path(values["results_dir"])
    if read_switch("check", values["check"]):
        check_pages()
        return
    if read_switch("rebuild", values["rebuild"]):
        write(rebuild(results, values["runs_dir"]), results)
        if results.resolve() == TABLES.parent:
            write_pages()
        return
    found = over_cores(functools.partial(recorded, results=results), preset_names())
    write([table for table in found if table], results)


def rebuild(results: Path, runs_dir: str) -> list[Table]:
    """Write all tables and figures from the existing runs and the records; return the tables."""
    tables = []
    for table in aggregate.aggregate_all(results, runs_dir):
        tables.append(table)
        print(f"table: {results / 'tables' / table.preset.name}.md, .csv, .tex", flush=True)
    figures.draw_all(tables, results)
    return tables


def write(tables: Sequence[Table], results: Path) -> None:
    have = {table.preset.name for table in tables}
    others = over_cores(load_preset, [name for name in preset_names() if name not in have])
    unrun = [preset for preset in others if not preset.demonstration]
    page = results / "report.html"
    write_atomic(page, render(tables, unrun, results).encode())
    print(f"report: {page}, {len(tables)} tables from {sum(len(table.runs) for table in tables)} runs")


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
