"""Do recorded runs repeat? Train a random sample of them again, with their own commit and command.

  python scripts/repeat.py [table=all] [which=all|tuned|interrupted] [runs=1] [draw=0] [minutes=…]
                           [data_dir=…] [cache_dir=…]

It draws ``runs`` runs from each table with records, with the seed ``draw``. They are drawn from all runs, from those
with tuned rates, or from those that were interrupted and continued. ``minutes`` limits the draw to runs that took at
most so long when recorded. On the same device, with the same versions, threads and data, result and learning curve
must be equal to the last bit.
Elsewhere, or if runs trained as one tensor, the result may differ as two seeds of its cell do: by at most 3·√2 of their
standard deviation. A CPU with AVX-512 gives the bits of one without it if you put ATEN_CPU_CAPABILITY=avx2
ONEDNN_MAX_CPU_ISA=AVX2 before the command.
Exit status: 1 if a run differs by more; 2 if a run cannot be trained here because its data or its commit is missing.
All other runs are still trained. Writes results/tables/repeats.md, repeats_tuned.md or repeats_interrupted.md. One
table's rows replace or join those of a page that was drawn with the same words; a page of another draw stays.
"""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from experiments.cli import key_values, read_positive, read_whole, script
from experiments.config.compose import ROOT
from experiments.errors import UserError, must_be
from experiments.families.metric import Metric
from experiments.files import write_page
from experiments.markdown import pipe_table
from experiments.records.file import record_path
from experiments.records.read import read_records
from experiments.records.record import Record, metric_keys, read_outcome
from experiments.runs.metrics_log import TIMES
from experiments.runs.provenance import code_version, commit_title, cpu_model, device_name
from experiments.stats import summarise
from experiments.studies.cells import cells_of, metric_of
from experiments.studies.presets import load_preset, preset_names
from experiments.studies.results import finished_values
from experiments.sweeps.freeze import fill

KEYS = {
    "table": "all",
    "which": "all",
    "runs": "1",
    "draw": "0",
    "minutes": "",
    "data_dir": "",
    "cache_dir": "",
    "results_dir": "results",
}
CIRCUMSTANCES = ("device", "versions", "threads")
PAGES = {"all": "repeats", "tuned": "repeats_tuned", "interrupted": "repeats_interrupted"}
KINDS = {"all": "Recorded runs", "tuned": "Recorded runs with tuned rates", "interrupted": "Interrupted runs"}
TITLES = ["run", "commit", "device", "what", "recorded", "repeated", "verdict"]


class Verdict(NamedTuple):
    text: str
    holds: bool


def main(words: list[str]) -> int:
    values = key_values(words, KEYS)
    count, draw = read_whole("runs", values["runs"]), read_whole("draw", values["draw"], 0)
    minutes = read_positive("minutes", values["minutes"]) if values["minutes"] else math.inf
    if values["which"] not in PAGES:
        raise UserError(must_be("which", values["which"], f"one of {', '.join(PAGES)}"))
    which = values["which"]
    tables = recorded_tables(values["table"], Path(values["results_dir"]) / "records", minutes, which)
    places = [f"{key}={Path(values[key]).absolute()}" for key in ("data_dir", "cache_dir") if values[key]]
    rows, holds, missing = [], True, False
    for name, records in tables.items():
        plan = load_preset(name)
        metric = metric_of(plan, cells_of(plan))
        for record in random.Random(f"{draw} {name}").sample(records, min(count, len(records))):
            again = attempt(record, places)
            if again:
                verdict = compare(record, again, metric, spread(record, records, metric))
            else:
                verdict, missing = Verdict("could not be trained here", False), True
            holds &= verdict.holds
            rows.append(row(name, record, again, metric, verdict.text))
            print(" · ".join(rows[-1]), flush=True)
    keys = ["which", "runs", "draw", *(["minutes"] if values["minutes"] else [])]
    drawn = " ".join(["python scripts/repeat.py", *(f"{key}={values[key]}" for key in keys)])
    page = Path(values["results_dir"]) / "tables" / f"{PAGES[which]}.md"
    before = page.read_text() if values["table"] != "all" and page.exists() else ""
    if before and f"`{drawn}`" not in before:
        print(f"{page} has another draw and stays as it is", flush=True)
    else:
        rows += rows_of_others(before, values["table"])
        write_page(values["results_dir"], PAGES[which], page_text(KINDS[which], drawn, sorted(rows)))
    return 2 if missing else 0 if holds else 1


def page_text(kind: str, drawn: str, rows: list[list[str]]) -> str:
    """The page of repeated runs. ``drawn`` is the command without its table."""
    tool = code_version()
    tables = len({table_of(each) for each in rows})
    counted = f"{len(rows)} runs of {'one table' if tables == 1 else f'{tables} tables'}"
    made = f"{time.strftime('%Y-%m-%d')}, commit {commit_title(tool['commit'], tool['clean'])}"
    parts = [
        f"# {kind}, repeated",
        f"Drawn by `{drawn}`: {counted}. Each was trained again by its own commit and command.",
        f"The last draw was on {made}.",
        pipe_table(rows, TITLES),
    ]
    return "\n\n".join(parts) + "\n"


def rows_of_others(page: str, table: str) -> list[list[str]]:
    """The rows of ``page`` that are not of ``table``."""
    lines = [line for line in page.splitlines() if line.startswith("| ")][1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [each for each in rows if table_of(each) != table]


def table_of(cells: list[str]) -> str:
    return cells[0].partition(" ")[0]


def recorded_tables(
    wanted: str, folder: Path, minutes: float = math.inf, which: str = "all"
) -> dict[str, list[Record]]:
    """The records of at most ``minutes`` by table: all, those of ``tuned`` studies, or ``interrupted`` runs.

    Raises UserError if there are none.
    """
    known = [name for name in preset_names() if record_path(folder, name).exists()]
    if wanted not in ("all", *known) or not known:
        raise UserError(
            f"table={wanted}: must be all or a table with records in {folder}: {', '.join(known) or 'none'}"
        )
    chosen = known if wanted == "all" else [wanted]
    if which == "tuned":
        chosen = [name for name in chosen if load_preset(name).tune]
    sound = {name: list(read_records(record_path(folder, name)).values()) for name in chosen}
    if which == "interrupted":
        sound = {name: [r for r in sound[name] if r["provenance"]["starts"] > 1] for name in chosen}
    if not any(sound.values()):
        raise UserError(f"which={which}: table={wanted} has no such run")
    short = {name: [r for r in sound[name] if r["provenance"]["seconds"] <= 60 * minutes] for name in chosen}
    if not any(short.values()):
        raise UserError(f"minutes={minutes:g}: must be as long as the shortest run of table={wanted}")
    return {name: records for name, records in short.items() if records}


def attempt(record: Record, places: list[str]) -> Record | None:
    """Train the same run again, in its own folder. None, with the reason on stderr, if that is impossible."""
    try:
        with tempfile.TemporaryDirectory(prefix="repeat-") as folder:
            return repeat(record, Path(folder), places)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return None


def repeat(record: Record, folder: Path, places: list[str]) -> Record:
    """Train the same run again below ``folder``; return its outcome. Raises UserError if that is impossible."""
    origin = record["provenance"]
    title = title_of(record)
    if not origin["commit"] or not origin["clean"]:
        raise UserError(f"{title}: the code that trained it was not committed, so it cannot be retrieved")
    if origin.get("earlier"):
        raise UserError(f"{title}: it was interrupted and continued with another commit, device, version or setting")
    code, runs = folder / "code", folder / "runs"
    code.mkdir()
    try:
        fill(ROOT, code, origin["commit"], origin["commit"], changed=False)
    except subprocess.CalledProcessError as error:
        raise UserError(f"{title}: commit {origin['commit']} is not in this repository; fetch its history") from error
    own = ("tracking=", "impl.threads=", "impl.seeds_per_process=", "runs_dir=")
    words = [word for word in origin["command"].split()[2:] if not word.startswith(own)]
    words += [f"runs_dir={runs}", "tracking=disabled", f"impl.threads={origin['threads']}", *places]
    environment = os.environ | {"PYTHONPATH": str(code)}
    done = subprocess.run([sys.executable, "train.py", *words], cwd=code, env=environment, check=False)
    found = list(runs.glob("*/*/seed*/metrics.json"))
    if len(found) != 1:
        raise UserError(f"{title}: training ended with status {done.returncode} and without a result; see above")
    again = read_outcome(found[0].parent, metric_keys(record["config"]["model"]["kind"]))
    if again["provenance"]["device"].startswith(cpu_model()):  # code before 2026-11-24 did not name the instructions
        again["provenance"]["device"] = device_name(torch.device("cpu"))
    return again


def title_of(record: Record) -> str:
    """The name of its directory below runs_dir: ``egem-1a2b3c4d/seed0``."""
    return f"{record['config']['activation']['name']}-{record['run'][:8]}/seed{record['seed']}"


def spread(record: Record, records: list[Record], metric: Metric) -> float:
    """The sample sd of the cell's finished runs; nan if there are fewer than two."""
    own = finished_values([each for each in records if each["run"] == record["run"]], metric.key)
    return summarise(list(own.values())).sd


def compare(record: Record, again: Record, metric: Metric, sd: float) -> Verdict:
    before, after = record["provenance"], again["provenance"]
    if (record["run"], record["seed"]) != (again["run"], again["seed"]):
        return Verdict(f"another run: {again['run'][:8]}/seed{again['seed']}", False)
    if before["data"] != after["data"]:
        return Verdict(f"other data ({before['data']}, now {after['data']}): not comparable", True)
    if record["result"] == again["result"] and timeless(record["curve"]) == timeless(again["curve"]):
        return Verdict("equal to the last bit", True)
    changed = [key for key in CIRCUMSTANCES if before[key] != after[key]]
    changed += ["trained as one tensor"] if before.get("vectorised") else []
    told = f"differs by {difference(record, again, metric):.2g}"
    if not changed:
        return Verdict(f"{told}, on the same device with the same versions", False)
    if math.isnan(sd):
        return Verdict(f"{told} ({', '.join(changed)}); its cell has too few seeds to judge by", True)
    limit = 3 * math.sqrt(2) * sd
    return Verdict(f"{told} ({', '.join(changed)}; allowed {limit:.2g})", difference(record, again, metric) <= limit)


def timeless(curve: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in curve.items() if key not in TIMES}


def difference(record: Record, again: Record, metric: Metric) -> float:
    """Absolute difference of the metric between two runs. Infinity if one of them diverged."""
    a, b = (each["result"].get(metric.key) for each in (record, again))
    return 0.0 if a == b else math.inf if a is None or b is None else abs(a - b)


def row(table: str, record: Record, again: Record | None, metric: Metric, verdict: str) -> list[str]:
    def told(each: Record | None) -> str:
        if each is None:
            return "—"
        value = each["result"].get(metric.key)
        return each["result"]["status"] if value is None else f"{value:.{metric.digits}f}"

    origin = record["provenance"]
    device = again["provenance"]["device"] if again else "—"
    return [
        *(f"{table} {title_of(record)}", commit_title(origin["commit"], origin["clean"]), device),
        *(metric.heading, told(record), told(again), verdict),
    ]


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
