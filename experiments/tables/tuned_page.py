"""The page of all studies with tuned rates: comparisons with the reference, by task and by activation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.markdown import pipe_table
from experiments.stats import pooled_sd
from experiments.studies.naming import activation_title, cell_title
from experiments.studies.presets import context
from experiments.tables.row import Row
from experiments.tables.table import Table

TITLE = "Verdicts with tuned rates"
KINDS = {"better": "better", "equivalent": "equivalent", "open": "not significant", "worse": "worse"}
NOTES = (
    "Every study here chooses the learning rate of each activation on held-out training data. A verdict is that of the "
    "study's own table, corrected there.",
    "Better and worse: significant. Equivalent: within the margin of the table. A row that is both counts as better or "
    "worse.",
    "Blind at 1 sd: not significant, and the least detectable difference is above 1 sd, or unknown. 1 sd is the sample "
    "sd of single runs, pooled over the rows of the setting.",
    "Largest lead and lag: of the mean, in sd, among the significant differences.",
)


@dataclass(frozen=True)
class Comparison:
    """A row and its reference; ``sd`` is that of single runs in its setting."""

    table: Table
    row: Row
    setting: str  # the overrides that distinguish its setting within the study, else empty
    sd: float

    @property
    def activation(self) -> str:
        return activation_title(self.row.cell.config.activation)

    @property
    def kind(self) -> str:
        """The heading of its column; empty if there is no verdict yet, or if runs diverged."""
        return KINDS.get(self.row.kind, "")

    @property
    def blind(self) -> bool:
        """Whether it is not significant, and a true difference of 1 sd could have gone unnoticed."""
        if self.kind != "not significant" or self.row.verdict is None:
            return False
        least = self.row.verdict.least_detectable
        return math.isnan(least) or least > self.sd

    @property
    def lead(self) -> float:
        """The lead over the reference in sd; negative if the row is worse."""
        sign = 1 if self.table.metric.higher_is_better else -1
        return sign * self.row.difference / self.sd if self.sd > 0 else math.nan


def comparisons_of(table: Table) -> list[Comparison]:
    """The comparisons of a study, setting by setting."""
    settings: dict[str, list[Row]] = {}
    for row in table.rows:
        settings.setdefault(" ".join(context(row.cell.overrides)), []).append(row)
    found = []
    for words, rows in settings.items():
        sd = pooled_sd([row.values for row in rows])
        shown = cell_title({"name": ""}, words).strip(", ") if len(settings) > 1 else ""
        found += [Comparison(table, row, shown, sd) for row in rows if not row.is_reference]
    return found


def tuned_tables(tables: Sequence[Table]) -> list[Table]:
    """The studies with tuning and counted runs, except demonstrations."""
    return [t for t in tables if t.study is not None and t.preset.tune and t.runs and not t.preset.demonstration]


def tuned_markdown(tables: Sequence[Table]) -> str:
    """The page. ``tables`` are those of ``tuned_tables``."""
    found = [comparison for table in tables for comparison in comparisons_of(table)]
    known = [comparison for comparison in found if comparison.kind]
    blind = sum(comparison.blind for comparison in known)
    share = f"{100 * blind / len(known):.0f} %" if known else "0 %"
    counts = ", ".join(f"{sum(c.kind == kind for c in known)} {kind}" for kind in KINDS.values())
    studies = len({c.table.preset.name for c in known})
    start = f"{len(known)} comparisons in {studies} studies: {counts}. {share} are blind at 1 sd."
    unknown = len(found) - len(known)
    notes = [*NOTES, *([f"{unknown} comparisons have no verdict: runs diverged or are missing."] if unknown else [])]
    bullets = "".join(f"- {note}\n" for note in notes)
    parts = (start, "## By task", by_task(known), "## By activation", by_activation(known), bullets)
    return "\n\n".join([f"# {TITLE}", *parts])


def by_task(known: Sequence[Comparison]) -> str:
    """One line per setting of each study: the activations by verdict."""
    groups: dict[tuple[str, str], list[Comparison]] = {}
    for comparison in known:
        groups.setdefault((comparison.table.preset.name, comparison.setting), []).append(comparison)
    rows = []
    for (name, setting), group in groups.items():
        table = group[0].table
        title = table.preset.title + (f", {setting}" if setting else "")
        named = ["; ".join(c.activation for c in group if c.kind == kind) or "—" for kind in KINDS.values()]
        rows.append([title, *named, f"{sum(c.blind for c in group)} of {len(group)}", f"`{name}`"])
    reference = " or ".join(dict.fromkeys(c.table.reference for c in known))
    heads = [f"better than {reference}", *list(KINDS.values())[1:]]
    return pipe_table(rows, ["task", *heads, "blind at 1 sd", "table"])


def by_activation(known: Sequence[Comparison]) -> str:
    """One line per activation: the number of comparisons by verdict, and the extremes."""
    groups: dict[str, list[Comparison]] = {}
    for comparison in known:
        groups.setdefault(comparison.activation, []).append(comparison)
    rows = []
    for title, group in groups.items():
        counts = [sum(c.kind == kind for c in group) for kind in KINDS.values()]
        leads = [c.lead for c in group if c.row.different and not math.isnan(c.lead)]
        lead, lag = max([x for x in leads if x > 0], default=None), min([x for x in leads if x < 0], default=None)
        shown = [f"{abs(x):.1f} sd" if x is not None else "—" for x in (lead, lag)]
        rows.append([title, len(group), *counts, *shown])
    return pipe_table(rows, ["activation", "comparisons", *KINDS.values(), "largest lead", "largest lag"])
