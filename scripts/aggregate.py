"""Build tables from finished runs and committed records.

  python scripts/aggregate.py table=table_mnist      one preset of configs/experiment
  python scripts/aggregate.py table=all              every preset that has a record or a run, and the papers' claims
  python scripts/aggregate.py table=claims           the papers' claims and the results, as table=all wrote them
  python scripts/aggregate.py table=studies          how each study was done, as table=all wrote it
  python scripts/aggregate.py table=tuned            verdicts with tuned rates, as table=all wrote them
  python scripts/aggregate.py table=landscape        sharpness and loss surfaces, as scripts/landscape.py measured them
  python scripts/aggregate.py table=properties       properties of the formulas, as benchmarks/certify.py derived them
  python scripts/aggregate.py table=speed            the benchmarks, as measured by benchmarks/bench.py
  python scripts/aggregate.py check=true             check all records, and the dates of their plans; write nothing

Finished runs below runs_dir (results/runs) are copied into results/records/<experiment>.jsonl.gz; the tables
results/tables/<experiment>.md, .csv and .tex are made from the records alone.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.cli import key_values, read_switch, script
from experiments.errors import BAD_INPUT, FINISHED, UserError
from experiments.files import write_atomic, write_page
from experiments.landscape.study import read_studies
from experiments.parallel import over_cores
from experiments.records.file import record_path
from experiments.records.store import refresh_records
from experiments.studies.audit import Audit, audit_records
from experiments.studies.cells import cells_of
from experiments.studies.collect import collect_stages
from experiments.studies.presets import load_preset, preset_names
from experiments.tables.claims import questions_by_paper
from experiments.tables.claims_page import claims_markdown
from experiments.tables.landscape_page import landscape_markdown
from experiments.tables.over_tables import over_tables_notes
from experiments.tables.pairs import PairBook
from experiments.tables.recorded import recorded, tables_with
from experiments.tables.render import FORMATS
from experiments.tables.steps_page import steps_markdown
from experiments.tables.studies_page import studies_markdown, studies_of
from experiments.tables.table import Table, build, build_staged
from experiments.tables.tuned_page import tuned_markdown, tuned_tables

KEYS = {"table": "", "check": "false", "runs_dir": "results/runs", "results_dir": "results"}
PAGES = {
    "properties": ("properties.md", "benchmarks/certify.py"),
    "speed": ("bench_*.md", "benchmarks/bench.py train"),
    "landscape": ("landscape_*.md", "scripts/landscape.py"),
    "claims": ("claims*.md", "scripts/aggregate.py table=all"),
    "studies": ("studies.md", "scripts/aggregate.py table=all"),
    "tuned": ("tuned.md", "scripts/aggregate.py table=all"),
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
        print(aggregate(values["table"], results, values["runs_dir"]))
        return FINISHED
    for table in aggregate_all(results, values["runs_dir"]):
        print((results / "tables" / f"{table.preset.name}.md").read_text(), flush=True)
    return FINISHED


def report_audit(audit: Audit) -> int:
    """Print every complaint as a line on stderr. The exit status is 2 if there is one."""
    for complaint in audit.complaints:
        print(f"error: {complaint}", file=sys.stderr)
    print(audit.summary)
    return BAD_INPUT if audit.complaints else FINISHED


def aggregate_all(results: Path, runs_dir: str) -> Iterator[Table]:
    """Every table that has a run, each written in all formats.

    Then come the pages of the papers' claims, of all studies, of those with tuned rates, and of the landscapes.
    """
    any_runs = Path(runs_dir).is_dir()
    some = [name for name in preset_names() if any_runs or record_path(results / "records", name).exists()]
    every = over_cores(functools.partial(collect, results=results, runs_dir=runs_dir), some)
    tables = [table for table in every if table.runs]
    book = PairBook(tables)
    noted = [(table, over_tables_notes(table, book)) for table in tables]
    for table, _ in zip(tables, over_cores(functools.partial(write_table, results=results), noted), strict=True):
        yield table
    if tables:
        for paper, asked in questions_by_paper().items():
            write_page(results, "claims" if paper == "gem" else f"claims_{paper}", claims_markdown(tables, asked))
    if studies := studies_of(tables):
        write_page(results, "studies", studies_markdown(studies))
    if tuned := tuned_tables(tables):
        write_page(results, "tuned", tuned_markdown(tuned))
    for study in read_studies(results):
        name = study["experiment"]
        if text := landscape_markdown(study, load_preset(name)):
            write_page(results, f"landscape_{name}", text)


def collect(name: str, results: Path, runs_dir: str) -> Table:
    """Update a preset's records with its runs, and return its table. A preset with stages has only its counted rows."""
    plan = load_preset(name)
    if plan.staged:
        return build_staged(*collect_stages(plan, results / "records", runs_dir))
    cells = cells_of(plan)
    runs = {cell.run: cell.config for cell in cells}
    records = refresh_records(name, runs, range(plan.seeds), results / "records", runs_dir, plan.metric)
    return build(plan, cells, records)


def aggregate(name: str, results: Path, runs_dir: str) -> str:
    """Write the table in all formats; return the Markdown. Raises UserError if a staged study has no counted run."""
    table = collect(name, results, runs_dir)
    if table.study is not None and not table.runs:
        stage = table.study.stage.title if table.study.stage else "none"
        raise UserError(f"table={name}: no run counts yet; next stage: {stage}")
    others = [other for other in tables_with({row.cell.run for row in table.rows}, results) if other != name]
    found = [other for other in (recorded(each, results) for each in others) if other]
    return write_table((table, over_tables_notes(table, PairBook([table, *found]))), results)


def write_table(noted: tuple[Table, Sequence[str]], results: Path) -> str:
    """Write a table in all formats, with the footnotes on other tables, and its page of steps; return the Markdown."""
    table, notes = noted
    folder = results / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {suffix: render(table, notes) for suffix, render in FORMATS.items()}
    for suffix, text in texts.items():
        write_atomic(folder / f"{table.preset.name}.{suffix}", text.encode())
    if table.preset.steps:
        write_page(results, f"{table.preset.name}_steps", steps_markdown(table))
    return texts["md"]


def page(results: Path, name: str) -> str:
    """Tables that belong to no preset, as last written. Raises UserError if there are none."""
    pattern, maker = PAGES[name]
    found = sorted((results / "tables").glob(pattern))
    if not found:
        raise UserError(f"table={name}: {results}/tables has no {pattern}; python {maker} writes it")
    return "\n".join(path.read_text() for path in found)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
