"""The table of a preset with stages: chosen values, differences with repeated intervals, verdicts, and the tuning."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from experiments.records.record import Record
from experiments.stats import Summary, summarise
from experiments.stats.stopping import RowState
from experiments.stats.tuning import points_of
from experiments.studies.cells import Cell
from experiments.studies.naming import cell_title, number, with_interval
from experiments.studies.presets import Preset, compared_pairs
from experiments.studies.stages import Study
from experiments.tables.notes import DIVERGED, mixture, provenance, reconstructed, setting
from experiments.tables.render import LATEX_BOLD, mean_text, plain, tabular
from experiments.tables.table import finished

COLUMNS = (
    *("activation", "overrides", "chosen", "n", "diverged", "mean", "sd", "difference", "low", "high", "p"),
    *("p_equal", "look", "looks", "pairs", "verdict", "remark"),
)


@dataclass(frozen=True)
class StagedRow:
    """One cell at its chosen values. ``state``: at which look it stands; None for the reference."""

    cell: Cell
    title: str
    values: dict[int, float]  # the metric of each finished run, by seed
    diverged: int
    state: RowState | None
    remark: str

    @property
    def summary(self) -> Summary:
        return summarise(list(self.values.values()))


@dataclass(frozen=True)
class StagedTable:
    study: Study
    rows: list[StagedRow]
    runs: list[Record]

    @property
    def preset(self) -> Preset:
        return self.study.preset


def build_staged(study: Study, records: Sequence[Record]) -> StagedTable:
    """The rows in the order of the cells; none while the tuning goes on."""
    by_run: dict[str, list[Record]] = {cell.run: [] for cell in study.cells}
    for record in records:
        by_run[record["run"]].append(record)
    rows = [
        StagedRow(
            cell,
            cell_title(cell.config.activation, cell.overrides),
            finished(by_run[cell.run], study.metric.key),
            sum(record["result"]["status"] == "diverged" for record in by_run[cell.run]),
            study.rows.get(cell.overrides),
            mixture(by_run[cell.run]),
        )
        for cell in study.cells
    ]
    return StagedTable(study, rows, list(records))


def markdown(table: StagedTable) -> str:
    body = tabulate(texts(table, ("**", "**")), headers(table), tablefmt="pipe", disable_numparse=True)
    notes = "\n".join(f"- {note}" for note in footnotes(table))
    tuned = tuning_text(table)
    return f"# {table.preset.title}\n\n{body}\n\n{notes}\n" + (f"\n## Tuning\n\n{tuned}\n" if tuned else "")


def latex(table: StagedTable) -> str:
    """A booktabs ``tabular``; footnotes as comments."""
    text = tabular(texts(table, LATEX_BOLD), headers(table))
    notes = "\n".join(f"% {note}" for note in [table.preset.title, *footnotes(table)])
    return f"{notes}\n{text}\n"


def csv_text(table: StagedTable) -> str:
    """One line a cell, empty where there is nothing. Numbers to eight digits."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        verdict = row.state.verdict if row.state else None
        figures = [math.nan] * 5
        if verdict is not None:
            figures = [verdict.estimate.value, verdict.low, verdict.high, verdict.p, verdict.p_equal]
        place = [row.state.look, row.state.looks, len(row.state.seeds)] if row.state else ["", "", ""]
        summary = row.summary
        measured = [plain(value) for value in (summary.mean, summary.sd, *figures)]
        start = [row.title, row.cell.overrides, " ".join(row.cell.tuned), len(row.values), row.diverged]
        writer.writerow([*start, *measured, *place, words(table, row), row.remark])
    return stream.getvalue()


FORMATS: dict[str, Callable[[StagedTable], str]] = {"md": markdown, "csv": csv_text, "tex": latex}


def headers(table: StagedTable) -> list[str]:
    tune = table.preset.tune
    chosen = [", ".join(key.rpartition(".")[2] for key in tune.grid)] if tune else []
    first = next(row.cell for row in table.rows if row.state is None)
    reference = cell_title(first.config.activation, table.preset.reference)
    difference = f"difference to {reference} [95 %, simultaneous]"
    return ["activation", "n", table.study.metric.heading, *chosen, difference, "verdict"]


def texts(table: StagedTable, bold: tuple[str, str]) -> list[list[str]]:
    """The cells of the table; bold only where a row is better and will not be looked at again."""
    places, lines = table.study.metric.digits, []
    for row in table.rows:
        verdict = row.state.verdict if row.state else None
        mean = mean_text(row, places)
        if verdict is not None and verdict.kind == "better" and row.state and row.state.stopped and not row.diverged:
            mean = f"{bold[0]}{mean}{bold[1]}"
        interval = "—"
        if verdict is not None:
            interval = with_interval(verdict.estimate.value, verdict.low, verdict.high, places)
        lines.append(
            [
                row.title + (" †" if row.remark else ""),
                f"{len(row.values)}" + (f", {row.diverged} diverged" if row.diverged else ""),
                mean,
                *([", ".join(word.partition("=")[2] for word in row.cell.tuned)] if row.cell.tuned else []),
                interval,
                words(table, row),
            ]
        )
    return lines


def words(table: StagedTable, row: StagedRow) -> str:
    metric = table.study.metric
    return row.state.words(metric.difference_unit, metric.digits) if row.state else "reference"


def footnotes(table: StagedTable) -> list[str]:
    preset, study = table.preset, table.study
    count = len(compared_pairs(preset))
    looks = f" and over looks at {', '.join(map(str, preset.looks))} seeds ({preset.spending})"
    margin = ""
    if preset.margin is not None:
        unit = study.metric.difference_unit
        margin = (
            f" “Equivalent” means that the interval at 90 %, corrected likewise, lies within ±{preset.margin:g} {unit}."
        )
    lines = [
        setting(study.metric, study.cells),
        "± is the sample sd over all finished seeds of a row. Differences are paired by seed, up to the look named.",
        f"The error of 5 % is shared over {count} rows (Bonferroni){looks}. The intervals hold for all rows at once."
        f"{margin} docs/verdicts.md explains the rules.",
    ]
    if study.tuning is not None:
        tune = preset.tune
        tried = "; ".join(f"{key} {', '.join(f'{v:g}' for v in axis)}" for key, axis in study.tuning.grid.items())
        lines.append(
            f"Each row has the values that were best on held-out training data, of {tried}, with {tune.seeds} seeds "
            f"that do not count here. The test data were not used."
        )
        ends = [f"{key}, {end} end" for key, end in study.tuning.edges]
        if ends:
            lines.append(f"A best value lies at the end of the grid, which may grow no more: {'; '.join(ends)}.")
    if any(row.diverged for row in table.rows):
        lines.append(DIVERGED)
    lines += reconstructed(study.cells)
    lines += [f"Known before: {preset.known}."] if preset.known else []
    lines += [preset.note] if preset.note else []
    lines += provenance(table.runs)
    return lines + [f"† {row.title}: {row.remark}." for row in table.rows if row.remark]


def tuning_text(table: StagedTable) -> str:
    """Mean on held-out data at every value tried, the chosen one in bold; empty without a tuning."""
    tuning = table.study.tuning
    if tuning is None or not tuning.done:
        return ""
    points = points_of(tuning.grid)
    rows = []
    for row in table.rows:
        name = row.cell.overrides
        shown = []
        for point in points:
            scores = list(tuning.scores[name][point].values())
            known = [score for score in scores if score is not None]
            text = f"{sum(known) / len(known):.{tuning.metric.digits}f}" if known else "diverged"
            if known and len(known) < len(scores):
                text += f" ({len(scores) - len(known)} diverged)"
            shown.append(f"**{text}**" if point == tuning.choices[name].point else text)
        rows.append([row.title, *shown])
    heading = [", ".join(number(value) for value in point) for point in points]
    title = f"{tuning.metric.heading}, mean over {table.preset.tune.seeds} seeds, by {', '.join(tuning.grid)}:"
    return f"{title}\n\n{tabulate(rows, ['activation', *heading], tablefmt='pipe', disable_numparse=True)}"
