"""Each activation over all settings of a grid: depths, learning rates and the like, taken together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy

from experiments.stats import Comparison, Summary, compare_both, summarise
from experiments.studies.cells import Cell
from experiments.studies.naming import activation_title
from experiments.studies.presets import context
from experiments.tables.table import Row, Table


@dataclass(frozen=True)
class Overall:
    """``values``: by seed, the mean of the metric over the settings; a seed counts that finished in all of them.

    Of ``settings`` so many are ``compared`` with the reference; in ``ahead`` of them the mean is ahead of it, and in
    ``better`` and ``worse`` the test of that setting says so.
    """

    title: str
    overrides: str  # of the activation alone
    values: dict[int, float]
    comparison: Comparison | None
    settings: int
    compared: int
    ahead: int
    better: int
    worse: int
    missing: int  # planned runs of all settings that have neither finished nor diverged
    flips: bool  # the verdict would be another, with the comparison that the preset did not choose

    @property
    def summary(self) -> Summary:
        return summarise(list(self.values.values()))


def overall(table: Table) -> list[Overall]:
    """One for each activation, in the order of the rows; none where there is one setting, or not all have all."""
    preset = table.preset
    by_activation: dict[str, dict[str, Row]] = {}
    for row in table.rows:
        setting = " ".join(context(row.cell.overrides))
        by_activation.setdefault(activation_of(row.cell), {})[setting] = row
    settings = {frozenset(own) for own in by_activation.values()}
    if len(settings) != 1 or len(next(iter(settings))) == 1:
        return []
    values = {name: mean_over_settings([row.values for row in own.values()]) for name, own in by_activation.items()}
    reference = next(activation_of(row.cell) for row in table.rows if row.comparison is None)
    pairs = {name: reference for name in values if name != reference}
    higher = table.metric.higher_is_better
    sign = 1 if higher else -1
    compared, other = compare_both(values, pairs, higher, preset.margin, preset.comparison == "paired")
    leads = {
        name: [sign * row.comparison.main.value if row.comparison else math.nan for row in own.values()]
        for name, own in by_activation.items()
    }
    return [
        Overall(
            title=activation_title(next(iter(own.values())).cell.config.activation),
            overrides=name,
            values=values[name],
            comparison=compared.get(name),
            settings=len(own),
            compared=sum(not math.isnan(value) for value in leads[name]),
            ahead=sum(value > 0 for value in leads[name]),
            better=sum(row.finding == "better" for row in own.values()),
            worse=sum(row.finding == "worse" for row in own.values()),
            missing=sum(row.missing for row in own.values()),
            flips=name in pairs and not compared[name].agrees(other[name]),
        )
        for name, own in by_activation.items()
    ]


def standings(table: Table) -> dict[str, Row | Overall]:
    """What each activation has reached on the task, by title: over all settings where there are several."""
    return {row.title: row for row in overall(table) or table.rows}


def activation_of(cell: Cell) -> str:
    return " ".join(word for word in cell.overrides.split() if word not in context(cell.overrides))


def mean_over_settings(settings: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """By seed the mean over the settings, of the seeds that all of them have."""
    seeds = sorted(set.intersection(*(set(values) for values in settings)))
    return {seed: float(numpy.mean([values[seed] for values in settings])) for seed in seeds}
