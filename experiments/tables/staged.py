"""The table of a preset with stages: chosen values, differences with repeated intervals, verdicts, and the tuning."""

from __future__ import annotations

import csv
import io
import math

from experiments.stats.tuning import Point, points_of
from experiments.studies.naming import number, signed, with_interval
from experiments.studies.tuned import TuningState
from experiments.tables.columns import mean_text
from experiments.tables.csv_file import plain_text
from experiments.tables.notes import DIVERGED, marks, plan_notes, reconstructed, setting_note
from experiments.tables.provenance import provenance_note
from experiments.tables.table import Table

COLUMNS = (
    *("activation", "overrides", "chosen", "n", "diverged", "mean", "sd", "difference", "low", "high", "p"),
    *("p_equal", "look", "looks", "pairs", "verdict", "remark"),
)


def csv_text(table: Table) -> str:
    """One line per cell, with empty fields for missing values. Numbers have eight digits."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        verdict, state = row.verdict, row.state
        figures = [math.nan] * 5
        if verdict is not None:
            figures = [verdict.estimate.value, verdict.low, verdict.high, verdict.p, verdict.p_equal]
        place = [state.look, state.looks, len(state.seeds)] if state else ["", "", ""]
        measured = [plain_text(value) for value in (row.summary.mean, row.summary.sd, *figures)]
        start = [row.title, row.cell.overrides, " ".join(row.cell.tuned), len(row.values), len(row.diverged)]
        writer.writerow([*start, *measured, *place, row.words, row.remark])
    return stream.getvalue()


def headers(table: Table) -> list[str]:
    tune = table.preset.tune
    chosen = [", ".join(key.rpartition(".")[2] for key in tune.grid)] if tune else []
    difference = f"difference to {table.reference} [95 %, simultaneous]"
    return ["activation", "n", table.metric.heading, *chosen, difference, "verdict"]


def texts(table: Table, bold: tuple[str, str]) -> list[list[str]]:
    """The cells of the table. Bold marks a row that is better and has no further looks."""
    places, lines = table.digits, []
    for row in table.rows:
        mean = mean_text(row, places)
        lines.append(
            [
                row.title + (" †" if row.remark else ""),
                f"{len(row.values)}" + (f", {len(row.diverged)} diverged" if row.diverged else ""),
                f"{bold[0]}{mean}{bold[1]}" if row.bold else mean,
                *([", ".join(word.partition("=")[2] for word in row.cell.tuned)] if row.cell.tuned else []),
                with_interval(row.difference, *row.interval, places),
                row.words,
            ]
        )
    return lines


def footnotes(table: Table) -> list[str]:
    preset, tuning = table.preset, tuning_of(table)
    cells = [row.cell for row in table.rows]
    looks = f" and over looks at {', '.join(map(str, preset.looks))} seeds ({preset.spending})"
    margin = ""
    if preset.margin is not None:
        unit = table.metric.difference_unit
        margin = (
            f" “Equivalent” means that the interval at 90 %, corrected likewise, lies within ±{preset.margin:g} {unit}."
        )
    lines = [
        setting_note(table.metric, cells),
        "± is the sample sd over all finished seeds of a row. Differences are paired by seed, up to the look named.",
        f"The error of 5 % is shared over {len(table.pairs)} rows (Bonferroni){looks}. The intervals hold for all rows "
        f"at once.{margin} docs/verdicts.md explains the rules.",
    ]
    if tuning is not None:
        tune = preset.tune
        tried = "; ".join(f"{key} {', '.join(f'{v:g}' for v in axis)}" for key, axis in tuning.grid.items())
        lines.append(
            f"Each row has the values that were best on held-out training data, of {tried}, with "
            f"{'one seed that does' if tune.seeds == 1 else f'{tune.seeds} seeds that do'} not count here. The test "
            "data were not used."
        )
        ends = [f"{key}, {end} end" for key, end in tuning.edges]
        if ends:
            lines.append(f"A best value lies at the end of the grid, which may not grow further: {'; '.join(ends)}.")
    if any(row.diverged for row in table.rows):
        lines.append(DIVERGED)
    lines += reconstructed(cells)
    lines += [f"Known before: {preset.known}."] if preset.known else []
    return [*lines, *plan_notes(preset), provenance_note(table.runs), *marks(table)]


def tuning_of(table: Table) -> TuningState | None:
    """The tuning state; None without a tuning, or while it continues."""
    tuning = table.study.tuning if table.study else None
    return tuning if tuning is not None and tuning.done else None


def tuning_title(table: Table) -> str:
    tuning = tuning_of(table)
    if tuning is None:
        return ""
    seeds = table.preset.tune.seeds
    of = "one seed" if seeds == 1 else f"mean over {seeds} seeds"
    return f"{tuning.metric.heading}, {of}, by {', '.join(tuning.grid)}. Regret: what a shared value costs."


def tuning_headers(table: Table) -> list[str]:
    tuning = tuning_of(table)
    points = points_of(tuning.grid) if tuning else []
    shown = [", ".join(number(value) for value in point) for point in points]
    whose = f"{table.reference}'s value"
    shared = [f"difference to {table.reference}, both at {whose}", "each at its own", f"regret of {whose}"]
    return ["activation", *shown, *(shared if tuning and table.pairs else [])]


def tuning_texts(table: Table, bold: tuple[str, str]) -> list[list[str]]:
    """Mean on held-out data at every value tried, with the chosen one in bold; empty without a tuning."""
    tuning = tuning_of(table)
    if tuning is None:
        return []
    rows = []
    for row in table.rows:
        name, shown = row.cell.overrides, []
        for point in points_of(tuning.grid):
            scores = list(tuning.scores[name][point].values())
            known = [score for score in scores if score is not None]
            text = f"{sum(known) / len(known):.{tuning.metric.digits}f}" if known else "diverged"
            if known and len(known) < len(scores):
                text += f" ({len(scores) - len(known)} diverged)"
            shown.append(f"{bold[0]}{text}{bold[1]}" if point == tuning.choices[name].point else text)
        rows.append([row.title, *shown, *(shared_value_texts(table, tuning, name) if table.pairs else [])])
    return rows


def shared_value_texts(table: Table, tuning: TuningState, name: str) -> list[str]:
    """The effect of sharing the reference's value, on held-out data.

    Three figures: the difference if both use the reference's best value, the difference if each uses its own, and the
    regret. The regret is how much worse the row is at the reference's value than at its own.
    """
    reference = table.pairs.get(name)
    if reference is None:
        return ["—", "—", "—"]
    chosen, theirs = tuning.choices[name].point, tuning.choices[reference].point
    own, shared, other = (
        held_out_mean(tuning, *place) for place in ((name, chosen), (name, theirs), (reference, theirs))
    )
    regret = own - shared if tuning.metric.higher_is_better else shared - own
    if math.isnan(shared + other):
        return ["diverged", signed(own - other, tuning.metric.digits), "diverged"]
    texts = (signed(value, tuning.metric.digits) for value in (shared - other, own - other))
    return [*texts, f"{regret:.{tuning.metric.digits}f}"]


def held_out_mean(tuning: TuningState, name: str, point: Point) -> float:
    """The mean over the tuning seeds; nan if one diverged."""
    scores = tuning.scores[name][point].values()
    return sum(math.nan if score is None else score for score in scores) / len(scores)
