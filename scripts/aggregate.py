"""Build tables from finished runs and committed records.

  python scripts/aggregate.py table=table_mnist      one preset of configs/experiment
  python scripts/aggregate.py table=all              every preset that has a record or a run, and the paper's claims
  python scripts/aggregate.py table=claims           what the paper claims and what was found, as table=all wrote it
  python scripts/aggregate.py table=properties       what follows from the formulas, as derived by benchmarks/certify.py
  python scripts/aggregate.py table=speed            the benchmarks, as measured by benchmarks/bench.py
  python scripts/aggregate.py check=true             check all records, and the dates of their plans; write nothing

Finished runs below runs_dir (results/runs) are copied into results/records/<experiment>.jsonl; the tables
results/tables/<experiment>.md, .csv and .tex are made from the records alone.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from experiments.cli import key_values, read_switch, script
from experiments.errors import BAD_INPUT, FINISHED, UserError
from experiments.files import write_atomic, write_page
from experiments.parallel import over_cores
from experiments.records.store import refresh_records
from experiments.studies.audit import Audit, audit_records
from experiments.studies.cells import cells_of
from experiments.studies.collect import collect_stages
from experiments.studies.presets import Preset, load_preset, preset_names
from experiments.tables import claims, staged
from experiments.tables.render import FORMATS, markdown
from experiments.tables.staged import StagedTable
from experiments.tables.table import Table, build

KEYS = {"table": "", "check": "false", "runs_dir": "results/runs", "results_dir": "results"}
PAGES = {
    "properties": ("properties.md", "benchmarks/certify.py"),
    "speed": ("bench_*.md", "benchmarks/bench.py train"),
    "claims": ("claims.md", "scripts/aggregate.py table=all"),
}


def main(words: list[str]) -> int:
    values = key_values(words, KEYS)
    results = Path(values["results_dir"])
    if read_switch("check", values["check"]):
        return report_audit(audit_records(results / "records"))
    if values["table"] in PAGES:
        print(page(results, values["table"]))
        return FINISHED
    if values["table"] != "all":
        print(shown(aggregate(values["table"], results, values["runs_dir"])))
        return FINISHED
    for table in aggregate_all(results, values["runs_dir"]):
        print(shown(table), flush=True)
    return FINISHED


def report_audit(audit: Audit) -> int:
    """Every complaint on stderr, each a line; exit status 2 where there is one."""
    for complaint in audit.complaints:
        print(f"error: {complaint}", file=sys.stderr)
    print(audit.summary)
    return BAD_INPUT if audit.complaints else FINISHED


def aggregate_all(results: Path, runs_dir: str) -> Iterator[Table | StagedTable]:
    """Every table that has a run, each written in all formats; then the page of the paper's claims."""
    any_runs = Path(runs_dir).is_dir()
    some = [name for name in preset_names() if any_runs or (results / "records" / f"{name}.jsonl").exists()]
    every = over_cores(functools.partial(aggregate, results=results, runs_dir=runs_dir, empty=False), some)
    tables = []
    for table in every:
        if table.runs:
            tables.append(table)
            yield table
    if one_stage := [table for table in tables if isinstance(table, Table)]:
        write_page(results, "claims", claims.markdown(one_stage, claims.questions()))


def aggregate(name: str, results: Path, runs_dir: str, empty: bool = True) -> Table | StagedTable:
    """The table, written in all formats; one without a run only if ``empty``."""
    plan = load_preset(name)
    if plan.staged:
        return aggregate_stages(plan, results, runs_dir, empty)
    cells = cells_of(plan)
    runs = {cell.run: cell.config for cell in cells}
    records = refresh_records(name, runs, range(plan.seeds), results / "records", runs_dir, plan.metric)
    table = build(plan, cells, records)
    if table.runs or empty:
        write_table(results, name, {suffix: render(table) for suffix, render in FORMATS.items()})
    return table


def aggregate_stages(plan: Preset, results: Path, runs_dir: str, empty: bool) -> StagedTable:
    """The table of a preset with stages; it has rows once the tuning is done."""
    study, records = collect_stages(plan, results / "records", runs_dir)
    table = staged.build_staged(study, records)
    if table.runs:
        write_table(results, plan.name, {suffix: render(table) for suffix, render in staged.FORMATS.items()})
    elif empty:
        stage = study.stage.title if study.stage else "none"
        raise UserError(f"table={plan.name}: no run counts yet; next stage: {stage}")
    return table


def write_table(results: Path, name: str, texts: Mapping[str, str]) -> None:
    (results / "tables").mkdir(parents=True, exist_ok=True)
    for suffix, text in texts.items():
        write_atomic(results / "tables" / f"{name}.{suffix}", text.encode())


def shown(table: Table | StagedTable) -> str:
    return staged.markdown(table) if isinstance(table, StagedTable) else markdown(table)


def page(results: Path, name: str) -> str:
    """The tables that no preset makes, as they were written last. Raises UserError where there is none."""
    pattern, maker = PAGES[name]
    found = sorted((results / "tables").glob(pattern))
    if not found:
        raise UserError(f"table={name}: {results}/tables has no {pattern}; python {maker} writes it")
    return "\n".join(path.read_text() for path in found)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
