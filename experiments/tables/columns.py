"""The columns of a table as text: of its rows, and of the activations over all settings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.studies.naming import p_text, seeds_text, signed, with_interval
from experiments.tables.overall import Overall
from experiments.tables.row import Row
from experiments.tables.table import Table

OVERALL_NOTE = (
    "A run here is a seed: its mean over all settings. Settings with small numbers or large spreads weigh more than "
    "others in such a mean. The last columns count settings instead: where the mean is ahead of the reference's, and "
    "where the verdict on that setting, corrected over all of them, says better or worse."
)


def headers(table: Table) -> list[str]:
    preset = table.preset
    names = ["activation", "n", table.metric.heading, difference_header(table), p_header(table)]
    if preset.margin is not None:
        names.append(f"p equal ±{preset.margin:g} {table.metric.difference_unit}".rstrip())
    names.append("verdict")
    return names + (["published", "gap"] if preset.published else [])


def difference_header(table: Table) -> str:
    """The heading of the difference, with the kind of its interval."""
    return f"difference to {table.reference} [95 %, {'simultaneous' if table.paired else 'corrected'}]"


def p_header(table: Table) -> str:
    return "p (corrected)" if table.paired else "p (Holm)"


def cells(table: Table, row: Row, bold: tuple[str, str] = ("", "")) -> list[str]:
    """The text of one row. ``bold`` encloses a mean that is significantly better, if none of its runs diverged."""
    places, mean = table.digits, mean_text(row, table.digits)
    texts = [
        row.title + (" †" if row.remark else ""),
        seeds_text(len(row.values), row.planned),
        f"{bold[0]}{mean}{bold[1]}" if row.bold else mean,
        with_interval(row.difference, *row.interval, places),
        p_text(row.p),
    ]
    if table.preset.margin is not None:
        texts.append(p_text(row.p_equal))
    texts.append(row.words)
    return texts + (published_texts(row, places) if table.preset.published else [])


def overall_headers(table: Table) -> list[str]:
    return [
        *("activation", "n", f"{table.metric.heading}, mean over settings", difference_header(table), p_header(table)),
        *("verdict", "settings: ahead", "better", "worse"),
    ]


def overall_cells(table: Table, row: Overall, bold: tuple[str, str] = ("", "")) -> list[str]:
    places, mean = table.digits, mean_text(row, table.digits)
    return [
        row.title,
        seeds_text(len(row.values), len(table.preset.counted)),
        f"{bold[0]}{mean}{bold[1]}" if row.bold else mean,
        with_interval(row.difference, *row.interval, places) if row.verdict else "—",
        p_text(row.p),
        row.words(table.metric.difference_unit, places),
        *(["—"] * 3 if row.is_reference else [f"{row.ahead} of {row.compared}", str(row.better), str(row.worse)]),
    ]


def overall_title(settings: Sequence[Overall]) -> str:
    return f"Over the {settings[0].settings} settings"


def mean_text(row: Row | Overall, places: int) -> str:
    if not row.values:
        return "—"
    spread = "" if math.isnan(row.summary.sd) else f" ± {row.summary.sd:.{places}f}"
    return f"{row.summary.mean:.{places}f}{spread}"


def published_texts(row: Row, places: int) -> list[str]:
    """The published value, or Δ and the published difference, and the distance of our result from it."""
    if row.published is not None:
        known = f"{row.published:.{places}f}"
    elif row.published_difference is not None:
        known = f"Δ {signed(row.published_difference, places)}"
    else:
        known = "—"
    return [known, "—" if row.gap is None else signed(row.gap, places)]
