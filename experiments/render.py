"""A table as Markdown, CSV and LaTeX (tabulate), the same bytes for the same records."""

from __future__ import annotations

import csv
import io
import math

from tabulate import tabulate

from experiments.naming import digits, metric_title
from experiments.tables import Row, Table

LATEX = {
    "±": r"$\pm$",
    "ε": r"$\varepsilon$",
    "−": "$-$",
    "—": "---",
    "†": r"$^\dagger$",
    "“": "``",
    "”": "''",
    "…": r"\dots",
}


def headers(table: Table) -> list[str]:
    names = [
        "activation",
        "n",
        metric_title(table.preset.metric),
        f"difference to {table.reference} [95 %]",
        "p (Holm)",
        "verdict",
    ]
    return names + (["published", "gap"] if table.preset.published else [])


def cells(table: Table, row: Row, bold: tuple[str, str]) -> list[str]:
    places = digits(table.preset.metric)
    mean = "—"
    if row.summary.n:
        spread = "" if math.isnan(row.summary.sd) else f" ± {row.summary.sd:.{places}f}"
        mean = f"{row.summary.mean:.{places}f}{spread}"
        mean = f"{bold[0]}{mean}{bold[1]}" if row.better else mean
    words = row.verdict + (f"; {row.diverged} diverged" if row.diverged else "")
    count = str(row.summary.n) if row.summary.n == row.planned else f"{row.summary.n} of {row.planned}"
    texts = [
        row.title + (" †" if row.remark else ""),
        count,
        mean,
        interval(row, places),
        p_text(row.p_adjusted),
        words,
    ]
    if not table.preset.published:
        return texts
    if row.published is None:
        return [*texts, "—", "—"]
    gap = signed(row.summary.mean - row.published, places) if row.summary.n else "—"
    return [*texts, f"{row.published:.{places}f}", gap]


def interval(row: Row, places: int) -> str:
    d = row.difference
    if d is None or math.isnan(d.value):
        return "—"
    if math.isnan(d.low):
        return signed(d.value, places)
    return f"{signed(d.value, places)} [{signed(d.low, places)}, {signed(d.high, places)}]"


def signed(value: float, places: int) -> str:
    return f"{value:+.{places}f}".replace("-", "−")


def p_text(p: float) -> str:
    return "—" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def footnotes(table: Table) -> list[str]:
    marked = [f"† {row.title}: {row.remark}." for row in table.rows if row.remark]
    return table.notes + marked


def markdown(table: Table) -> str:
    rows = [cells(table, row, ("**", "**")) for row in table.rows]
    body = tabulate(rows, headers(table), tablefmt="pipe", disable_numparse=True)
    notes = "\n".join(f"- {note}" for note in footnotes(table))
    return f"# {table.preset.title}\n\n{body}\n\n{notes}\n"


def latex(table: Table) -> str:
    """A booktabs ``tabular`` to be put into a ``table`` environment; footnotes as comments."""
    rows = [cells(table, row, ("BOLD(", ")BOLD")) for row in table.rows]
    text = tabulate(rows, headers(table), tablefmt="latex_booktabs", disable_numparse=True)
    text = text.replace("BOLD(", r"\textbf{").replace(")BOLD", "}")
    for sign, command in LATEX.items():
        text = text.replace(sign, command)
    notes = "\n".join(f"% {note}" for note in [table.preset.title, *footnotes(table)])
    return f"{notes}\n{text}\n"


def csv_text(table: Table) -> str:
    """One line a cell, numbers in full; empty where there is nothing."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["activation", "overrides", "n", "planned", "diverged", "mean", "sd"]
        + ["difference", "low", "high", "p_holm", "verdict", "published", "remark"]
    )
    for row in table.rows:
        d = row.difference
        numbers = [
            row.summary.mean,
            row.summary.sd,
            *((d.value, d.low, d.high) if d else [math.nan] * 3),
            row.p_adjusted,
        ]
        texts = ["" if math.isnan(value) else repr(value) for value in numbers]
        counts = [row.summary.n, row.planned, row.diverged]
        published = "" if row.published is None else row.published
        writer.writerow([row.title, row.overrides, *counts, *texts, row.verdict, published, row.remark])
    return stream.getvalue()


FORMATS = {"md": markdown, "csv": csv_text, "tex": latex}
