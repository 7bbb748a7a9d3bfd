"""The page of a table's steps: rows that differ in one key alone, each beside the row at the next smaller value."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

from experiments.markdown import pipe_table
from experiments.studies.cells import value_at
from experiments.studies.naming import SIGNS, activation_title, cell_title, number, p_text, with_interval
from experiments.studies.presets import context
from experiments.tables.pairs import pair_within
from experiments.tables.row import Row
from experiments.tables.table import Table


@dataclasses.dataclass(frozen=True)
class Step:
    """Two rows, which differ in the value of one key."""

    smaller: float
    before: Row
    larger: float
    after: Row


def steps_of(table: Table, key: str) -> list[Step]:
    """Neighbouring values of ``key``, everything else that the cells vary being equal."""
    groups: dict[str, list[tuple[float, Row]]] = {}
    for row in table.rows:
        activation = as_egem(row.cell.config.activation)
        group, _, name = key.partition(".")
        value = activation.pop(name, None) if group == "activation" else value_at(row.cell.config, key)
        words = sorted(word for word in context(row.cell.overrides) if not word.startswith(f"{key}="))
        if value is not None:
            groups.setdefault(json.dumps([activation, words], sort_keys=True), []).append((value, row))
    found = []
    for members in groups.values():
        ascending = sorted(members, key=lambda member: member[0])
        found += [Step(*smaller, *larger) for smaller, larger in itertools.pairwise(ascending)]
    return found


def as_egem(activation: dict[str, Any]) -> dict[str, Any]:
    """A copy of ``activation``. GEM is E-GEM with ε = 1."""
    own = {"name": "egem", "eps": 1.0, "convention": "additive"}
    return activation | own if activation["name"] == "gem" else dict(activation)


def steps_markdown(table: Table) -> str:
    """One line per step. All steps of the page share one error of 5 %."""
    steps = [(key, step) for key in table.preset.steps for step in steps_of(table, key)]
    rows = [cells(table, key, step, len(steps)) for key, step in steps]
    unit = table.metric.difference_unit
    difference = f"difference ({unit})" if unit else "difference"
    heads = ["setting", "activation", "step", "n", f"{difference} [95 %, corrected]", "p (corrected)", "verdict"]
    margin = f"Margin of equivalence: ±{table.preset.margin:g} {unit}".strip() + "." if table.preset.margin else ""
    notes = [
        f"{table.metric.heading}. A step compares a row with the row at the next smaller value, all else equal.",
        f"One error of 5 % is shared over the {len(steps)} steps of this page (Bonferroni).",
        *([margin] if margin else []),
    ]
    bullets = "".join(f"- {note}\n" for note in notes)
    return "\n\n".join([f"# {table.preset.title}: step by step", pipe_table(rows, heads), bullets])


def cells(table: Table, key: str, step: Step, count: int) -> list[str]:
    """The text of a step. ``count`` steps share the error."""
    name = key.rpartition(".")[2]
    pair = dataclasses.replace(pair_within(table, step.after, step.before), own=None, comparisons=count)
    verdict = pair.verdict
    shown = with_interval(verdict.estimate.value, verdict.low, verdict.high, table.digits) if verdict else "—"
    activation = {k: v for k, v in step.before.cell.config.activation.items() if f"activation.{k}" != key}
    return [
        cell_title({"name": ""}, step.before.cell.overrides).strip(", "),
        activation_title(activation),
        f"{SIGNS.get(name, name)} {number(step.smaller)} → {number(step.larger)}",
        str(pair.n),
        shown,
        p_text(verdict.p) if verdict else "—",
        pair.words,
    ]
