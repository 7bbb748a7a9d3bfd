"""Each activation over all settings of a grid, such as depths and learning rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy

from experiments.stats import Summary, Verdict, estimate_difference, summarise, verdict_words
from experiments.studies.cells import Cell
from experiments.studies.naming import activation_title
from experiments.studies.presets import context
from experiments.tables.evidence import judge_by_plan
from experiments.tables.row import Judged, Row, RowKind
from experiments.tables.table import Table


@dataclass(frozen=True)
class Overall(Judged):
    """``values``: by seed, the mean of the metric over the settings. Only seeds that finished in all of them count.

    Of the ``settings``, ``compared`` are compared with the reference. ``ahead`` counts those with a better mean than
    the reference, and ``better`` and ``worse`` those with this verdict. ``diverged``: seeds that diverged in a setting.
    """

    title: str
    overrides: str  # of the activation only
    values: dict[int, float]
    diverged: list[int]
    verdict: Verdict | None  # None for the reference, and for a study with several looks, which stop row by row
    kind: RowKind
    difference: float
    settings: int
    compared: int
    ahead: int
    better: int
    worse: int
    missing: int  # planned runs of all settings that have neither finished nor diverged

    @cached_property
    def summary(self) -> Summary:
        return summarise(list(self.values.values()))

    def words(self, unit: str, digits: int) -> str:
        if not self.values and not self.diverged:
            return "not run in all settings"
        if self.kind == "pending" or self.verdict is None:
            return str(self.kind)
        return verdict_words(self.verdict, unit, digits)


def overall_rows(table: Table) -> list[Overall]:
    """One row per activation, in the order of the rows. None if there is one setting, or if some are incomplete."""
    by_activation = rows_by_activation(table.rows)
    settings = {frozenset(own) for own in by_activation.values()}
    if len(settings) != 1 or len(next(iter(settings))) == 1:
        return []
    values = {name: mean_over_settings([row.values for row in own.values()]) for name, own in by_activation.items()}
    failed = {
        name: sorted({seed for row in own.values() for seed in row.diverged}) for name, own in by_activation.items()
    }
    reference = next(activation_of(row.cell) for row in table.rows if row.is_reference)
    pairs = {name: reference for name in values if name != reference}
    several_looks = len(table.preset.looks) > 1
    verdicts = {} if several_looks else judge_by_plan(table.preset, table.metric, values, pairs, failed)
    found = []
    for name, own in by_activation.items():
        leads = lead_by_setting(table, list(own.values()))
        found.append(
            Overall(
                title=activation_title(next(iter(own.values())).cell.config.activation),
                overrides=name,
                values=values[name],
                diverged=failed[name],
                verdict=verdicts.get(name),
                kind=overall_kind(table, name == reference, verdicts.get(name)),
                difference=mean_difference(values[name], values[reference], table.paired),
                settings=len(own),
                compared=len(leads),
                ahead=sum(lead > 0 for lead in leads),
                better=sum(row.kind == "better" for row in own.values()),
                worse=sum(row.kind == "worse" for row in own.values()),
                missing=sum(row.missing for row in own.values()),
            )
        )
    return found


def overall_kind(table: Table, is_reference: bool, verdict: Verdict | None) -> RowKind:
    if is_reference:
        return "reference"
    return "pending" if table.left or verdict is None else verdict.kind


def lead_by_setting(table: Table, rows: Sequence[Row]) -> list[float]:
    """The lead over the reference in each compared setting; positive is better."""
    sign = 1 if table.metric.higher_is_better else -1
    return [sign * row.difference for row in rows if not math.isnan(row.difference)]


def mean_difference(values: Mapping[int, float], reference: Mapping[int, float], paired: bool) -> float:
    """The difference of the means, over common seeds if ``paired``; nan without seeds."""
    return estimate_difference(values, reference, "paired" if paired else "welch").value


def rows_by_activation(rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    """The rows by activation, then by their other overrides."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(activation_of(row.cell), {})[" ".join(context(row.cell.overrides))] = row
    return found


def standings(table: Table) -> dict[str, Row | Overall]:
    """The result of each activation on the task, by title. If there are several settings: over all of them."""
    return {row.title: row for row in overall_rows(table) or table.rows}


def activation_of(cell: Cell) -> str:
    return " ".join(word for word in cell.overrides.split() if word not in context(cell.overrides))


def mean_over_settings(settings: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """By seed the mean over the settings, for the seeds that all of them have."""
    seeds = sorted(set.intersection(*(set(values) for values in settings)))
    return {seed: float(numpy.mean([values[seed] for values in settings])) for seed in seeds}
