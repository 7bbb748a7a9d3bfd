"""Each activation at a setting chosen for it from the table's own runs: ``crossfit: recipe.lr`` of a preset.

One half of the seeds chooses, the other half evaluates, over all halves (experiments/stats/crossfit.py). The table
also shows the comparison of the activations at one common setting.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from experiments.stats import Verdict, bonferroni, cross_fit, cross_fit_difference, judge, judge_rows
from experiments.studies.cells import compose_cell, value_at
from experiments.studies.naming import activation_title, number, p_text, with_interval
from experiments.studies.presets import context
from experiments.tables.overall import activation_of, mean_over_settings
from experiments.tables.table import Table

FEWEST_SEEDS = 6  # required by the jackknife
Settings = dict[str, dict[str, dict[int, float]]]  # context → setting → seed → value


@dataclass(frozen=True)
class CrossFitted:
    """One activation: mean over contexts at the ``common`` setting and at its ``own``, with the verdicts on both.

    ``chosen`` has, by context, the setting that most halves chose. The verdicts are None for the reference.
    """

    title: str
    overrides: str
    common: float
    own: float
    at_common: Verdict | None
    at_own: Verdict | None
    chosen: dict[str, str]


def cross_fitted_rows(table: Table) -> list[CrossFitted]:
    """One row per activation; none without ``crossfit``, or if a run is missing or diverged."""
    key = table.preset.crossfit
    if not key or table.left or any(row.diverged for row in table.rows):
        return []
    by_activation = settings_by_activation(table, key)
    seeds = {len(seeds) for own in by_activation.values() for each in own.values() for seeds in each.values()}
    if len(seeds) != 1 or min(seeds) < FEWEST_SEEDS:
        return []
    higher = table.metric.higher_is_better
    common = common_setting(table, key)
    at_common = {
        name: mean_over_settings([settings[common] for settings in own.values()]) for name, own in by_activation.items()
    }
    reference = next(activation_of(row.cell) for row in table.rows if row.is_reference)
    pairs = {name: reference for name in by_activation if name != reference}
    shared = judge_rows(at_common, pairs, higher, table.preset.margin)
    threshold = bonferroni(len(pairs))
    titles = {activation_of(row.cell): activation_title(row.cell.config.activation) for row in table.rows}
    other = list(by_activation[reference].values())
    rows = []
    for name, own in by_activation.items():
        fitted = cross_fit(list(own.values()), higher)
        verdict = None
        if name != reference:
            estimate = cross_fit_difference(list(own.values()), other, higher)
            verdict = judge(estimate, higher, threshold, threshold, table.preset.margin)
        chosen = {
            each: max(shares, key=lambda setting: shares[setting])
            for each, shares in zip(own, fitted.chosen, strict=True)
        }
        mean = statistics.fmean(at_common[name].values())
        rows.append(CrossFitted(titles[name], name, mean, fitted.value, shared.get(name), verdict, chosen))
    return rows


def settings_by_activation(table: Table, key: str) -> dict[str, Settings]:
    """By activation and context, the settings of ``key`` that were run. Contexts with a single one are left out."""
    found: dict[str, Settings] = {}
    for row in table.rows:
        others = " ".join(word for word in context(row.cell.overrides) if not word.startswith(f"{key}="))
        mine = found.setdefault(activation_of(row.cell), {}).setdefault(others, {})
        mine[number(value_at(row.cell.config, key))] = row.values
    return {
        name: {others: ascending(settings) for others, settings in own.items() if len(settings) > 1}
        for name, own in found.items()
    }


def ascending(settings: dict[str, dict[int, float]]) -> dict[str, dict[int, float]]:
    """The settings by ascending value, so that the smallest of equally good ones is chosen."""
    return dict(sorted(settings.items(), key=lambda item: float(item[0])))


def common_setting(table: Table, key: str) -> str:
    """The preset's own value of ``key`` for all activations. If no row has it, the value that most rows have."""
    values = [number(value_at(row.cell.config, key)) for row in table.rows]
    own = number(value_at(compose_cell(f"experiment={table.preset.name}"), key))
    return own if own in values else max(dict.fromkeys(values), key=values.count)


def cross_fitted_title(table: Table) -> str:
    return f"Each activation at its own {table.preset.crossfit}"


def cross_fitted_headers(table: Table) -> list[str]:
    key, unit = table.preset.crossfit, table.metric.heading
    shared = f"at {key}={common_setting(table, str(key))}"
    return [
        *("activation", f"{unit}, {shared}", f"difference to {table.reference}, {shared} [95 %, simultaneous]"),
        *(f"{unit}, own {key}", f"difference to {table.reference}, own {key} [95 %, simultaneous]"),
        *("p (corrected)", f"{key} chosen most often"),
    ]


def cross_fitted_cells(table: Table, row: CrossFitted) -> list[str]:
    places = table.digits
    return [
        row.title,
        f"{row.common:.{places}f}",
        difference_text(row.at_common, places),
        f"{row.own:.{places}f}",
        difference_text(row.at_own, places),
        "—" if row.at_own is None else p_text(row.at_own.p),
        chosen_words(row.chosen),
    ]


def difference_text(verdict: Verdict | None, places: int) -> str:
    return "—" if verdict is None else with_interval(verdict.estimate.value, verdict.low, verdict.high, places)


def chosen_words(chosen: Mapping[str, str]) -> str:
    """``0.1``, or by context if it varies: ``0.1 (blocks=1), 0.01 (blocks=2)``."""
    if len(set(chosen.values())) == 1:
        return next(iter(chosen.values()))
    return ", ".join(f"{setting} ({shortened_context(each)})" for each, setting in chosen.items())


def shortened_context(words: str) -> str:
    return " ".join(word.partition("=")[0].rpartition(".")[2] + "=" + word.partition("=")[2] for word in words.split())


def cross_fitted_note(table: Table) -> str:
    return (
        f"Of the runs that compare values of {table.preset.crossfit}, the mean over the other settings. Each "
        f"activation's value is chosen for each setting on one half of the seeds and judged on the other, over all "
        f"halves. Both differences are by seed, corrected over the rows (Bonferroni); the interval at own values is a "
        f"jackknife over seeds. These comparisons were not planned: docs/verdicts.md explains them."
    )
