"""Build tables from finished runs and committed records.

  python scripts/aggregate.py table=table_mnist      one preset of configs/experiment
  python scripts/aggregate.py table=all              every preset that has a record or a run
  python scripts/aggregate.py table=properties       what follows from the formulas, as derived by scripts/certify.py
  python scripts/aggregate.py table=speed            the benchmarks, as measured by scripts/bench.py

Finished runs below runs_dir (results/runs) are copied into results/records/<experiment>.jsonl; the tables
results/tables/<experiment>.md, .csv and .tex are made from the records alone.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from experiments.cells import cells_of
from experiments.errors import UserError
from experiments.files import write_atomic
from experiments.parallel import over_cores
from experiments.presets import load, names
from experiments.records import refresh
from experiments.render import FORMATS, markdown
from experiments.tables import build
from experiments.words import key_values, script

KEYS = {"table": "", "runs_dir": "results/runs", "results_dir": "results"}
PAGES = {"properties": ("properties.md", "certify.py"), "speed": ("bench_*.md", "bench.py train")}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    results = Path(values["results_dir"])
    if values["table"] in PAGES:
        print(page(results, values["table"]))
        return
    if values["table"] != "all":
        print(aggregate(values["table"], results, values["runs_dir"]))
        return
    any_runs = Path(values["runs_dir"]).is_dir()
    some = [name for name in names() if any_runs or (results / "records" / f"{name}.jsonl").exists()]
    for text in over_cores(
        functools.partial(aggregate, results=results, runs_dir=values["runs_dir"], every=True), some
    ):
        if text:
            print(text, flush=True)


def aggregate(name: str, results: Path, runs_dir: str, every: bool = False) -> str | None:
    """The table as text, written in all formats; None where it has no run and ``every`` table is made that has."""
    plan = load(name)
    cells = cells_of(plan)
    records = refresh(plan, cells, results / "records", runs_dir)
    if not records and every:
        return None
    table = build(plan, cells, records)
    (results / "tables").mkdir(parents=True, exist_ok=True)
    for suffix, render in FORMATS.items():
        write_atomic(results / "tables" / f"{name}.{suffix}", render(table).encode())
    return markdown(table)


def page(results: Path, name: str) -> str:
    """The tables that no preset makes, as they were written last. Raises UserError where there is none."""
    pattern, maker = PAGES[name]
    found = sorted((results / "tables").glob(pattern))
    if not found:
        raise UserError(f"table={name}: {results}/tables has no {pattern}; python scripts/{maker} writes it")
    return "\n".join(path.read_text() for path in found)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
