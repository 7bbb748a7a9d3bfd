"""What a table says, in sentences a reader without statistics can repeat."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.stats import detectable, spread_of
from experiments.studies.naming import signed, with_interval
from experiments.studies.presets import compared_pairs
from experiments.tables.overall import Overall
from experiments.tables.render import mean_text, overall_verdict
from experiments.tables.table import Row, Table


def sentences(table: Table, settings: Sequence[Overall]) -> list[str]:
    """How many runs there are, who differs from the reference, what stays open, and how that sits with the papers."""
    ran = [row for row in table.rows if row.comparison and (row.values or row.diverged)]
    if not ran:
        return ["Only the reference has run." if table.runs else "Not run yet."]
    lines = [counted(table)]
    if settings:
        return [*lines, *over_settings(table, settings), *beside_the_papers(table)]
    groups = (
        (f"better than {table.reference}", [row for row in ran if row.finding == "better"]),
        (f"worse than {table.reference}", [row for row in ran if row.finding == "worse"]),
        (
            f"equal to {table.reference} within the margin",
            [row for row in ran if row.comparison and row.comparison.equal],
        ),
    )
    for words, rows in groups:
        if rows:
            lines.append(f"{'So far' if table.left else 'Shown to be'} {words}: {listed(rows, table.digits)}.")
    open_rows = [row for row in ran if row.finding == "open"]
    if open_rows:
        lines.append(undecided(table, ran, open_rows))
    untested = [row for row in ran if row.finding == "untested"]
    if untested:
        lines.append(f"No test, for too few seeds or no spread: {titles(untested)}.")
    diverged = [row for row in ran if row.diverged]
    if diverged:
        shown = (f"{row.title} ({row.diverged} of {row.planned} runs)" for row in diverged)
        lines.append(f"Diverged: {', '.join(shown)}.")
    return lines + beside_the_papers(table)


def over_settings(table: Table, settings: Sequence[Overall]) -> list[str]:
    """The activations over all settings, by verdict, and how many single settings say something."""
    kinds: dict[str, list[str]] = {}
    for row in settings:
        d = row.comparison.main if row.comparison else None
        if row.comparison and d and not math.isnan(d.low):
            finding = row.comparison.finding(table.metric.higher_is_better)
            differs = finding in ("better", "worse")
            kind = f"{finding} than {table.reference}" if differs else overall_verdict(table, row)
            shown = with_interval(d.value, d.low, d.high, table.digits)
            kinds.setdefault(kind, []).append(f"{row.title} ({shown}; ahead in {row.ahead} of {row.compared} settings)")
    lines = [f"Mean over the settings, {kind}: {'; '.join(rows)}." for kind, rows in kinds.items()]
    compared = [row for row in table.rows if row.comparison and row.values]
    better, worse = (sum(getattr(row, word) for row in settings) for word in ("better", "worse"))
    lines.append(
        f"Setting by setting, {len(compared)} comparisons corrected together: {better} better than {table.reference}, "
        f"{worse} worse."
    )
    return lines


def counted(table: Table) -> str:
    seeds = sorted({len(row.values) for row in table.rows if row.values})
    span = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}" if seeds else "0"
    a_row = f"{span} seed{'' if span == '1' else 's'} a row"
    if table.left:
        return f"{len(table.runs)} of {len(table.runs) + table.left} planned runs, {a_row}: no result yet."
    return f"{len(table.runs)} runs, {a_row}."


def undecided(table: Table, ran: Sequence[Row], rows: Sequence[Row]) -> str:
    """The rows about which nothing can be said, and how large a difference could have gone unnoticed."""
    if len(rows) < len(ran):
        text = f"No difference to {table.reference} detectable: {titles(rows)}"
    elif len(rows) == 1:
        text = f"{rows[0].title} cannot be told apart from {table.reference}"
    else:
        text = f"None of the {len(rows)} rows can be told apart from {table.reference}"
    values, pairs = {row.cell.overrides: row.values for row in table.rows}, compared_pairs(table.preset)
    sd = spread_of(values, {row.cell.overrides: pairs[row.cell.overrides] for row in rows})
    most = max(len(row.values) for row in table.rows)
    if most < 2 or not sd.known:
        return text + "."
    size = f"{detectable(most, sd.low):.{table.digits}f} {table.metric.difference_unit}".rstrip()
    return f"{text}; a difference below {size} would be missed more often than one time in five."


def listed(rows: Sequence[Row], digits: int) -> str:
    shown = []
    for row in rows:
        assert row.comparison
        d = row.comparison.main
        shown.append(f"{row.title} ({with_interval(d.value, d.low, d.high, digits)})")
    return "; ".join(shown)


def titles(rows: Sequence[Row]) -> str:
    return ", ".join(row.title for row in rows)


def beside_the_papers(table: Table) -> list[str]:
    lines, places = [], table.digits
    for row in table.rows:
        d = row.comparison.main if row.comparison else None
        if row.published is not None and row.values:
            lines.append(f"{row.title}: published {row.published:.{places}f}, here {mean_text(row, places)}.")
        if row.published_difference is not None and d and not math.isnan(d.low):
            known, low, high = (signed(value, places) for value in (row.published_difference, d.low, d.high))
            word = "does not exclude" if d.low <= row.published_difference <= d.high else "excludes"
            lines.append(f"{row.title}: published difference {known}; the interval here, {low} to {high}, {word} it.")
    return lines


def missing(table: Table) -> list[str]:
    """Rows with fewer finished or diverged runs than planned."""
    return [f"{row.title}: {row.planned - row.missing} of {row.planned} runs" for row in table.rows if row.missing]
