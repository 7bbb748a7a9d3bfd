"""Write results/report.html, one self-contained page, from committed records, tables and figures.

python scripts/report.py                           after aggregate.py and figures.py; rebuild.py does all three
python scripts/report.py results_dir=elsewhere
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.cli import key_values, script
from experiments.files import write_atomic
from experiments.parallel import over_cores
from experiments.report import render
from experiments.studies.presets import load_preset, preset_names
from experiments.tables.recorded import recorded
from experiments.tables.table import Table


def main(words: list[str]) -> None:
    results = Path(key_values(words, {"results_dir": "results"})["results_dir"])
    found = over_cores(functools.partial(recorded, results=results), preset_names())
    write([table for table in found if table], results)


def write(tables: Sequence[Table], results: Path) -> None:
    have = {table.preset.name for table in tables}
    unrun = list(
        over_cores(load_preset, [name for name in preset_names() if name not in have and name != "quickstart"])
    )
    page = results / "report.html"
    write_atomic(page, render(tables, unrun, results).encode())
    print(f"report: {page}, {len(tables)} tables from {sum(len(table.runs) for table in tables)} runs")


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
