"""The footnotes of a table: data, recipe, method, power, sources, provenance and marks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy

from experiments.families.metric import Metric
from experiments.families.registry import family_of_model
from experiments.stats import LEVEL, first_places, welch_anova
from experiments.studies.cells import Cell
from experiments.studies.naming import TITLES, p_text
from experiments.studies.presets import Preset, context
from experiments.tables.explored import explored_notes
from experiments.tables.method import alternative_test_notes, method_note, pending_notes
from experiments.tables.power import power_notes
from experiments.tables.provenance import provenance_note
from experiments.tables.table import Table

DIVERGED = "Diverged runs (loss or gradient not finite) are counted, but are in no mean."


def footnotes(table: Table) -> list[str]:
    """All footnotes of a table without stages, in order."""
    cells = [row.cell for row in table.rows]
    lines = [setting_note(table.metric, cells), method_note(table), *pending_notes(table), *power_notes(table)]
    if len({tuple(context(cell.overrides)) for cell in cells}) == 1:
        lines += single_seed_note(table)
    lines += [welch_anova_note(table, family) for family in table.preset.families]
    lines += alternative_test_notes(table)
    lines += reconstructed(cells)
    for entry in table.preset.published:
        figure = f"{entry['value']}" if "value" in entry else f"{entry['difference']:+} to the reference"
        lines.append(f"Published, {entry['cell']}: {figure.replace('-', '−')}. Source: {entry['source']}.")
    lines += plan_notes(table.preset)
    if any(row.diverged for row in table.rows):
        lines.append(DIVERGED)
    lines += family_of_model(cells[0].config.model.kind).footnotes([r["result"] for r in table.runs])
    return [*lines, provenance_note(table.runs), *explored_notes(table), *marks(table)]


def plan_notes(preset: Preset) -> list[str]:
    """What changed in the plan after the first counted run, and the preset's own note."""
    changed = [f"Changed after the first counted run: {preset.changed}."] if preset.changed else []
    return [*changed, *([preset.note] if preset.note else [])]


def marks(table: Table) -> list[str]:
    """The meaning of each †. Rows with the same remark share a line."""
    by_remark: dict[str, list[str]] = {}
    for row in table.rows:
        if row.remark:
            by_remark.setdefault(row.remark, []).append(row.title)
    return [f"† {'; '.join(titles)}: {remark}." for remark, titles in by_remark.items()]


def reconstructed(cells: Sequence[Cell]) -> list[str]:
    """What is unknown about the paper's functions, if ``cells`` use one of them."""
    if not any(cell.config.activation["name"] in ("egem", "segem") for cell in cells):
        return []
    return [
        "E-GEM is the likelier of two definitions (additive ε); SE-GEM is a reconstruction from its stated properties."
    ]


def setting_note(metric: Metric, cells: Sequence[Cell]) -> str:
    configs = [cell.config for cell in cells]
    varied = sorted({word.partition("=")[0] for cell in cells for word in context(cell.overrides)})
    text = (
        f"Data: {listed(c.dataset.title for c in configs)}. Model: {listed(c.model.name for c in configs)}. "
        f"Recipe: {recipe_words(cells)}. "
        f"Result: {metric.heading} at the end of training, not the best."
    )
    return f"{text} The rows vary {', '.join(varied)}." if varied else text


def listed(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def recipe_words(cells: Sequence[Cell]) -> str:
    """The names of the recipes, and in brackets their common facts; facts that some rows override are marked."""
    parts = [family_of_model(cell.config.model.kind).recipe_words(cell.config.recipe) for cell in cells]
    shown, varied = [], False
    for key in parts[0]:
        every = {part.get(key, "") for part in parts}
        silent = {part.get(key, "") for part, cell in zip(parts, cells, strict=True) if not sets(cell, key)}
        base = every if len(every) == 1 else silent
        if len(base) == 1:
            shown.append(next(iter(base)))
            varied |= len(every) > 1
    names = listed(cell.config.recipe.name for cell in cells)
    unless = "; unless the row says otherwise" if varied else ""
    return f"{names} ({', '.join(shown)}{unless})" if shown else names


def sets(cell: Cell, key: str) -> bool:
    """Whether the row sets this key of the recipe itself."""
    return any(word.startswith(("recipe=", f"recipe.{key}=")) for word in cell.overrides.split())


def single_seed_note(table: Table) -> list[str]:
    """How often each row would rank first with one seed; nothing if a row has fewer than two runs."""
    groups = {row.title: list(row.values.values()) for row in table.rows}
    if min(len(group) for group in groups.values()) < 2:
        return []
    found = first_places(groups, table.metric.higher_is_better)
    shares = sorted(((round(100 * share), title) for title, share in found.items()), key=lambda pair: -pair[0])
    named = [f"{title} {percent} %" for percent, title in shares if percent > 0]
    return [f"With one seed of each row, drawn from these runs, first place would go to: {', '.join(named)}."]


def welch_anova_note(table: Table, family: Sequence[str]) -> str:
    """Whether the rows of these activations differ among themselves, and the range of their means."""
    rows = [row for row in table.rows if row.cell.config.activation["name"] in family]
    groups: Mapping[str, list[float]] = {row.title: list(row.values.values()) for row in rows}
    names, places = "; ".join(TITLES.get(name, name) for name in family), table.digits
    means = sorted(float(numpy.mean(group)) for group in groups.values() if group)
    p, start = welch_anova(list(groups.values())), f"The {len(groups)} rows of {names} among themselves"
    if math.isnan(p):
        return f"{start}: not tested, a row has fewer than two runs or no spread."
    found, equals = "they differ" if p < 1 - LEVEL else "not significant", "" if p < 0.001 else "= "
    return (
        f"{start}: means from {means[0]:.{places}f} to {means[-1]:.{places}f}, "
        f"{found} (Welch's analysis of variance, p {equals}{p_text(p)})."
    )
