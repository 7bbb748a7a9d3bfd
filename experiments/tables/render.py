"""A table as Markdown, CSV and LaTeX (tabulate), the same bytes for the same records."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from tabulate import tabulate

from experiments.stats import NOTHING, Comparison, Summary
from experiments.studies.naming import p_text, seeds_text, signed, with_interval
from experiments.tables.notes import otherwise
from experiments.tables.overall import Overall, overall
from experiments.tables.table import Row, Table

LATEX = {
    "±": r"$\pm$",
    "ε": r"$\varepsilon$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "−": "$-$",
    "—": "---",
    "†": r"$^\dagger$",
    "Δ": r"$\Delta$",
}
LATEX_BOLD = ("BOLD(", ")BOLD")  # what tabulate leaves alone

OVERALL_NOTE = (
    "A run here is a seed: its mean over all settings. Settings with small numbers or large spreads weigh more than "
    "others in such a mean; the last columns count settings instead: where the mean is ahead of the reference's, and "
    "where the test of that setting alone, corrected over all of them, says better or worse."
)


def headers(table: Table) -> list[str]:
    preset = table.preset
    names = ["activation", "n", table.metric.heading, f"difference to {table.reference} [95 %]", "p (Holm)"]
    if preset.margin is not None:
        names.append(f"p equal ±{preset.margin:g} {table.metric.difference_unit}".rstrip())
    names.append("verdict")
    return names + (["published", "gap"] if preset.published else [])


def cells(table: Table, row: Row, bold: tuple[str, str]) -> list[str]:
    """The texts of one row; bold only where the corrected test says better, of all planned runs."""
    places, compared = table.digits, row.comparison
    mean = mean_text(row, places)
    words = row.verdict + (f"; {row.diverged} diverged" if row.diverged and row.values else "")
    texts = [
        row.title + (" †" if row.remark else ""),
        seeds_text(len(row.values), row.planned),
        f"{bold[0]}{mean}{bold[1]}" if row.finding == "better" and not table.left else mean,
        interval(row, places),
        p_text(compared.p if compared else math.nan),
    ]
    if table.preset.margin is not None:
        texts.append(p_text(compared.p_equal if compared else math.nan))
    texts.append(words)
    return texts + (published_texts(row, places) if table.preset.published else [])


def overall_headers(table: Table) -> list[str]:
    metric, reference = table.metric.heading, table.reference
    return [
        *("activation", "n", f"{metric}, mean over settings", f"difference to {reference} [95 %]", "p (Holm)"),
        *("verdict", "settings: ahead", "better", "worse"),
    ]


def overall_cells(table: Table, row: Overall) -> list[str]:
    places, compared = table.digits, row.comparison
    return [
        row.title,
        seeds_text(len(row.values), len(table.preset.counted)),
        mean_text(row, places),
        interval(row, places),
        p_text(compared.p if compared else math.nan),
        overall_verdict(table, row),
        *([f"{row.ahead} of {row.compared}", str(row.better), str(row.worse)] if compared else ["—"] * 3),
    ]


def overall_verdict(table: Table, row: Overall) -> str:
    if row.comparison is None or not row.values:
        return "not run in all settings" if not row.values else "reference"
    return table.verdict(row.comparison)


class Measured(Protocol):
    """A row with the metric of each finished run."""

    @property
    def values(self) -> Mapping[int, float]: ...

    @property
    def summary(self) -> Summary: ...


def mean_text(row: Measured, places: int) -> str:
    if not row.values:
        return "—"
    spread = "" if math.isnan(row.summary.sd) else f" ± {row.summary.sd:.{places}f}"
    return f"{row.summary.mean:.{places}f}{spread}"


def interval(row: Row | Overall, places: int) -> str:
    d = row.comparison.main if row.comparison else NOTHING
    return with_interval(d.value, d.low, d.high, places)


def published_texts(row: Row, places: int) -> list[str]:
    """The published value, or Δ and the published difference; and how far ours is from it."""
    if row.published is not None:
        known = f"{row.published:.{places}f}"
    elif row.published_difference is not None:
        known = f"Δ {signed(row.published_difference, places)}"
    else:
        known = "—"
    return [known, "—" if row.gap is None else signed(row.gap, places)]


def footnotes(table: Table, settings: Sequence[Overall]) -> list[str]:
    """``settings``: ``overall(table)``."""
    marked = [f"† {row.title}: {row.remark}." for row in table.rows if row.remark]
    together = []
    if any(len(row.values) > 1 for row in settings):
        flips = [row.title for row in settings if row.flips]
        together.append(otherwise(table.preset, flips, f"{overall_title(settings)}, compared"))
    return table.notes + together + marked


def markdown(table: Table) -> str:
    rows = [cells(table, row, ("**", "**")) for row in table.rows]
    body = tabulate(rows, headers(table), tablefmt="pipe", disable_numparse=True)
    settings = overall(table)
    notes = "\n".join(f"- {note}" for note in footnotes(table, settings))
    if settings:
        together = [overall_cells(table, row) for row in settings]
        first = tabulate(together, overall_headers(table), tablefmt="pipe", disable_numparse=True)
        body = f"## {overall_title(settings)}\n\n{first}\n\n{OVERALL_NOTE}\n\n## Setting by setting\n\n{body}"
    return f"# {table.preset.title}\n\n{body}\n\n{notes}\n"


def overall_title(settings: Sequence[Overall]) -> str:
    return f"Over the {settings[0].settings} settings"


def latex(table: Table) -> str:
    """A booktabs ``tabular`` to be put into a ``table`` environment; footnotes as comments. Two where there are several
    settings: over all of them, and one by one."""
    text = tabular([cells(table, row, LATEX_BOLD) for row in table.rows], headers(table))
    settings = overall(table)
    if settings:
        together = [overall_cells(table, row) for row in settings]
        first = tabular(together, overall_headers(table))
        text = f"% {overall_title(settings)}\n{first}\n% Setting by setting\n{text}"
    notes = "\n".join(f"% {note}" for note in [table.preset.title, *footnotes(table, settings)])
    return f"{notes}\n{text}\n"


def tabular(rows: Sequence[Sequence[str]], names: Sequence[str]) -> str:
    """booktabs, with ``LATEX_BOLD`` and the signs of our texts as commands."""
    text: str = tabulate(rows, names, tablefmt="latex_booktabs", disable_numparse=True)
    for sign, command in zip(LATEX_BOLD, (r"\textbf{", "}"), strict=True):
        text = text.replace(sign, command)
    for sign, command in LATEX.items():
        text = text.replace(sign, command)
    return text


Fields = dict[str, str | float | None]
COLUMNS = (
    *("activation", "overrides", "settings", "n", "planned", "diverged", "mean", "sd"),
    *("difference", "low", "high", "p_holm", "p_equal_holm", "welch_p", "paired", "paired_low", "paired_high"),
    *("paired_p", "bca_low", "bca_high", "improvement", "verdict", "published", "published_difference", "remark"),
)


def csv_text(table: Table) -> str:
    """One line a cell, empty where there is nothing. Before them one line an activation over all ``settings``, where
    there are several. Numbers to eight digits, and 0 for what is below 1e-12: more depends on the CPU that computes."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for each in overall(table):
        known: Fields = {"overrides": each.overrides, "settings": each.settings, "planned": len(table.preset.counted)}
        known |= {"verdict": overall_verdict(table, each)}
        writer.writerow({key: plain(value) for key, value in (known | measured(each)).items()})
    for row in table.rows:
        known = {
            "overrides": row.cell.overrides,
            "settings": 1,
            "planned": row.planned,
            "diverged": row.diverged,
            "verdict": row.verdict,
            "published": row.published,
            "published_difference": row.published_difference,
            "remark": row.remark,
        }
        writer.writerow({key: plain(value) for key, value in (known | measured(row)).items()})
    return stream.getvalue()


def measured(row: Row | Overall) -> Fields:
    c, summary = row.comparison, row.summary
    known: Fields = {"activation": row.title, "n": summary.n, "mean": summary.mean, "sd": summary.sd}
    return known | (compared(c) if c else {})


def compared(c: Comparison) -> Fields:
    return {
        "difference": c.main.value,
        "low": c.main.low,
        "high": c.main.high,
        "p_holm": c.p,
        "p_equal_holm": c.p_equal,
        "welch_p": c.welch.p,
        "paired": c.paired.value,
        "paired_low": c.paired.low,
        "paired_high": c.paired.high,
        "paired_p": c.paired.p,
        "bca_low": c.bca[0],
        "bca_high": c.bca[1],
        "improvement": c.improvement,
    }


def plain(value: str | float | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.8g}" if abs(value) >= 1e-12 else "0"
    return str(value)


FORMATS = {"md": markdown, "csv": csv_text, "tex": latex}
