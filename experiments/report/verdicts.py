"""The content of a table in sentences for readers without statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.studies.naming import shortened, signed, with_interval
from experiments.tables.columns import mean_text
from experiments.tables.crossfitted import cross_fitted_rows
from experiments.tables.overall import Overall
from experiments.tables.row import Row
from experiments.tables.table import Table

FEW = 3
COLUMNS = {  # heading of a summary column: its verdicts
    "better": ("better",),
    "equivalent": ("equivalent",),
    "not significant": ("open",),
    "worse": ("worse",),
    "no verdict": ("untested", "diverged", "other data", "pending", "not run"),
}


def by_verdict(rows: Sequence[Row | Overall]) -> list[str]:
    """For each of ``COLUMNS`` the rows with this verdict: their names, or their number if they are more than three."""
    found = [[row.title for row in rows if row.kind in kinds] for kinds in COLUMNS.values()]
    return ["; ".join(names) if len(names) <= FEW else f"{len(names)} rows" for names in found]


def sentences(table: Table, settings: Sequence[Overall]) -> list[str]:
    """The number of runs, the activations that differ from the reference, open questions, and published results."""
    ran = [row for row in table.rows if not row.is_reference and (row.values or row.diverged)]
    if not ran:
        return ["Only the reference has run." if table.runs else "Not run yet."]
    lines = [counted(table)]
    if settings and table.study is None:
        return [*lines, *over_settings(table, settings), *at_own_settings(table), *beside_the_papers(table)]
    groups = (
        (f"Better than {table.reference}", [row for row in ran if row.kind == "better"]),
        (f"Worse than {table.reference}", [row for row in ran if row.kind == "worse"]),
        (f"Equivalent to {table.reference} within the margin", [row for row in ran if within_margin(row)]),
    )
    lines += [f"{words}: {listed(rows, table.digits)}." for words, rows in groups if rows]
    if open_rows := [row for row in ran if row.kind == "open"]:
        lines.append(undecided(table, open_rows))
    if untested := [row for row in ran if row.kind == "untested"]:
        lines.append(f"Not tested, for too few seeds or no spread: {titles(untested)}.")
    if other := [row for row in ran if row.kind == "other data"]:
        lines.append(f"No verdict, trained on other data than {table.reference}: {titles(other)}.")
    if diverged := [row for row in table.rows if row.diverged]:
        shown = [f"{row.title} ({len(row.diverged)} of {len(row.values) + len(row.diverged)} runs)" for row in diverged]
        lines.append(f"Diverged: {shortened(shown)}.")
    return lines + beside_the_papers(table)


def within_margin(row: Row) -> bool:
    """Whether the row is equivalent, or different by less than the margin."""
    return row.kind in ("better", "worse", "equivalent") and row.verdict is not None and row.verdict.within_margin


def over_settings(table: Table, settings: Sequence[Overall]) -> list[str]:
    """The activations over all settings, by verdict, and the number of significant single settings."""
    kinds: dict[str, list[str]] = {}
    for row in settings:
        if row.verdict is not None and row.verdict.estimate.testable:
            kind = {"open": "not significant", "equivalent": "equivalent within the margin"}.get(row.kind, row.kind)
            kind = f"{kind} than {table.reference}" if row.different else kind
            shown = with_interval(row.difference, *row.interval, table.digits)
            kinds.setdefault(kind, []).append(f"{row.title} ({shown}; ahead in {row.ahead} of {row.compared} settings)")
    lines = [f"Mean over the settings, {kind}: {'; '.join(rows)}." for kind, rows in kinds.items()]
    compared = [row for row in table.rows if row.verdict and row.values]
    better, worse = (sum(getattr(row, word) for row in settings) for word in ("better", "worse"))
    lines.append(
        f"Setting by setting, {len(compared)} comparisons corrected together: {better} better than {table.reference}, "
        f"{worse} worse."
    )
    return lines


def at_own_settings(table: Table) -> list[str]:
    """The differences when each activation has its own setting; nothing without ``crossfit``."""
    verdicts = [row.at_own for row in cross_fitted_rows(table) if row.at_own is not None]
    if not verdicts:
        return []
    sizes = sorted(verdict.estimate.value for verdict in verdicts)
    span = " to ".join(signed(size, table.digits) for size in (sizes[0], sizes[-1]))
    found = sum(verdict.different for verdict in verdicts)
    unit = f" {table.metric.difference_unit}".rstrip()
    return [
        f"With {table.preset.crossfit} chosen for each activation from these runs, the differences to "
        f"{table.reference} are {span}{unit}; {found or 'none'} of {len(verdicts)} significant."
    ]


def counted(table: Table) -> str:
    seeds = sorted({len(row.values) for row in table.rows if row.values})
    span = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}" if seeds else "0"
    a_row = f"{span} seed{'' if span == '1' else 's'} a row"
    if table.left:
        pending = [row for row in table.rows if row.kind == "pending"]
        rows = "no verdict yet" if len(pending) == len(table.pairs) else f"{len(pending)} rows are pending"
        return f"{len(table.runs)} of {len(table.runs) + table.left} planned runs, {a_row}: {rows}."
    return f"{len(table.runs)} runs, {a_row}."


def undecided(table: Table, rows: Sequence[Row]) -> str:
    """The rows without a significant result, and the difference that could have gone unnoticed."""
    text = f"Not significant beside {table.reference}: {titles(rows)}"
    least = [row.verdict.least_detectable for row in rows if row.verdict]
    known = sorted(size for size in least if not math.isnan(size))
    if not known:
        return text + "."
    sizes = " to ".join(dict.fromkeys(f"{size:.{table.digits}f}" for size in (known[0], known[-1])))
    unit = f" {table.metric.difference_unit}".rstrip()
    return f"{text}. Their least detectable differences: {sizes}{unit}."


def listed(rows: Sequence[Row], digits: int) -> str:
    return shortened([f"{row.title} ({with_interval(row.difference, *row.interval, digits)})" for row in rows])


def titles(rows: Sequence[Row]) -> str:
    return shortened([row.title for row in rows])


def beside_the_papers(table: Table) -> list[str]:
    lines, places = [], table.digits
    for row in table.rows:
        low, high = row.interval
        if row.published is not None and row.values:
            lines.append(f"{row.title}: published {row.published:.{places}f}, here {mean_text(row, places)}.")
        if row.published_difference is not None and not math.isnan(low):
            known, left, right = (signed(value, places) for value in (row.published_difference, low, high))
            word = "does not exclude" if low <= row.published_difference <= high else "excludes"
            lines.append(f"{row.title}: published difference {known}; the interval here, {left} to {right}, {word} it.")
    return lines


def missing(table: Table) -> list[str]:
    """Rows with fewer finished or diverged runs than planned."""
    return [f"{row.title}: {row.planned - row.missing} of {row.planned} runs" for row in table.rows if row.missing]
