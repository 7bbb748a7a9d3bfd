"""A table as CSV: every number behind it, and other analyses of the same differences."""

from __future__ import annotations

import csv
import io
import math

from experiments.stats import second_opinions
from experiments.tables.overall import Overall, overall_rows
from experiments.tables.row import Row
from experiments.tables.table import Table

Fields = dict[str, str | float | None]
COLUMNS = (
    *("activation", "overrides", "settings", "n", "planned", "diverged", "mean", "sd"),
    *("difference", "low", "high", "p_holm", "p_equal_holm", "least_detectable"),
    *("welch_low", "welch_high", "welch_p", "paired", "paired_low", "paired_high", "paired_p"),
    *("bca_low", "bca_high", "improvement", "verdict", "published", "published_difference", "remark"),
)


def csv_text(table: Table) -> str:
    """One line per cell, with empty fields for missing values.

    If there are several settings, the first lines are one per activation over all ``settings``. Numbers have eight
    digits, and values below 1e-12 are 0, because further digits depend on the CPU.

    ``low``, ``high`` and ``p`` are those of the table; ``welch_low`` to ``improvement`` are not corrected.
    """
    stream = io.StringIO()
    names = column_names(table)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    lines: list[Fields] = []
    settings = overall_rows(table)
    reference = next((each for each in settings if each.is_reference), None)
    for each in settings:
        known: Fields = {"overrides": each.overrides, "settings": each.settings, "planned": len(table.preset.counted)}
        known |= {"diverged": len(each.diverged), "verdict": each.words(table.metric.difference_unit, table.digits)}
        lines.append(known | measured(table, each, reference))
    by_overrides = table.by_overrides
    for row in table.rows:
        known = {
            "overrides": row.cell.overrides,
            "settings": 1,
            "planned": row.planned,
            "diverged": len(row.diverged),
            "verdict": row.words,
            "published": row.published,
            "published_difference": row.published_difference,
            "remark": row.remark,
        }
        other = table.pairs.get(row.cell.overrides)
        lines.append(known | measured(table, row, by_overrides[other] if other else None))
    writer.writerows([plain_text(line.get(key)) for key in COLUMNS] for line in lines)
    return stream.getvalue()


def column_names(table: Table) -> list[str]:
    """The names of the columns. That of a corrected p contains the name of the correction."""
    return [name.replace("_holm", "_corrected") if table.paired else name for name in COLUMNS]


def measured(table: Table, row: Row | Overall, reference: Row | Overall | None) -> Fields:
    summary = row.summary
    known: Fields = {"activation": row.title, "n": summary.n, "mean": summary.mean, "sd": summary.sd}
    if row.is_reference or row.verdict is None or reference is None:
        return known
    beside = second_opinions(row.values, reference.values, table.metric.higher_is_better)
    return known | {
        "difference": row.difference,
        "low": row.interval[0],
        "high": row.interval[1],
        "p_holm": row.p,
        "p_equal_holm": row.verdict.p_equal if row.kind != "pending" else math.nan,
        "least_detectable": row.verdict.least_detectable,
        "welch_low": beside.welch.low,
        "welch_high": beside.welch.high,
        "welch_p": beside.welch.p,
        "paired": beside.paired.value,
        "paired_low": beside.paired.low,
        "paired_high": beside.paired.high,
        "paired_p": beside.paired.p,
        "bca_low": beside.bca[0],
        "bca_high": beside.bca[1],
        "improvement": beside.improvement,
    }


def plain_text(value: str | float | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.8g}" if abs(value) >= 1e-12 else "0"
    return str(value)
