"""The footnotes of a table: data, recipe, method, what the seeds can and cannot show, sources and provenance."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy

from experiments.families.metric import Metric
from experiments.families.registry import family_of_model
from experiments.records.record import Record, origins
from experiments.runs.provenance import commit_title
from experiments.stats import (
    LEVEL,
    Spread,
    detectable,
    first_places,
    seeds_for_difference,
    seeds_for_equivalence,
    spread_of,
    welch_anova,
)
from experiments.studies.cells import Cell
from experiments.studies.naming import TITLES, cell_title, number, p_text, shortened
from experiments.studies.presets import Preset, context

ROUNDING = (
    "precision",
    "channels_last",
    "compile",
    "cuda_graphs",
    "deterministic",
    "micro_batch",
    "together",
    "kernels",
)
DIVERGED = "Diverged runs (loss or gradient not finite) are counted, but are in no mean."
ORDINARY = {"precision": "fp32", "together": "interleaved", "kernels": "torch"}


def notes(
    preset: Preset,
    metric: Metric,
    cells: Sequence[Cell],
    records: Sequence[Record],
    values: Mapping[str, Mapping[int, float]],
    pairs: Mapping[str, str],
    flips: Sequence[str],
    left: int,
) -> list[str]:
    """``pairs``: what each row is compared with. ``flips``: whose verdict would change with the other comparison.
    ``left``: planned runs that are still to come."""
    lines = [setting(metric, cells), method(preset, metric)]
    if left and records:
        lines.append(
            f"{left} of {len(cells) * len(preset.counted)} planned runs are still to come. Verdicts so far are no "
            "result: who looks before the end finds differences that are not there more often than the 5 % say."
        )
    sd, most = spread_of(values, pairs), max(len(seeds) for seeds in values.values())
    if sd.known:
        lines.append(sensitivity(preset, metric, sd, most, len(pairs)))
    if len({tuple(context(cell.overrides)) for cell in cells}) == 1:
        lines += single_seed(metric, {cell_title(c.config.activation, c.overrides): values[c.overrides] for c in cells})
    lines += [within(metric, family, cells, values) for family in preset.families]
    if most >= 2:
        lines.append(otherwise(preset, flips))
    lines += reconstructed(cells)
    for entry in preset.published:
        figure = f"{entry['value']}" if "value" in entry else f"{entry['difference']:+} to the reference"
        lines.append(f"Published, {entry['cell']}: {figure.replace('-', '−')}. Source: {entry['source']}.")
    if preset.note:
        lines.append(preset.note)
    if any(r["result"]["status"] == "diverged" for r in records):
        lines.append(DIVERGED)
    lines += family_of_model(cells[0].config.model.kind).footnotes([r["result"] for r in records])
    return lines + provenance(records)


def reconstructed(cells: Sequence[Cell]) -> list[str]:
    """What is not known of the functions of the paper, where ``cells`` have one of these."""
    if not any(cell.config.activation["name"] in ("egem", "segem") for cell in cells):
        return []
    return [
        "E-GEM is the likelier of two readings of the paper (additive ε); SE-GEM is a reconstruction from its "
        "stated properties."
    ]


def otherwise(preset: Preset, flips: Sequence[str], compared: str = "Compared") -> str:
    """``flips``: whose verdict would be another with the comparison that the preset did not choose."""
    other = "paired by seed" if preset.comparison == "welch" else "with Welch's test"
    told = f"the verdict would be another for: {shortened(flips)}" if flips else "every verdict comes out the same"
    return f"{compared} {other} instead, {told}."


def setting(metric: Metric, cells: Sequence[Cell]) -> str:
    configs = [cell.config for cell in cells]
    varied = sorted({word.partition("=")[0] for cell in cells for word in context(cell.overrides)})
    text = (
        f"Data: {listed(c.dataset.title for c in configs)}. Model: {listed(c.model.name for c in configs)}. "
        f"Recipe: {recipes(cells)}. "
        f"Result: {metric.heading} at the end of training, not the best."
    )
    return f"{text} The rows vary {', '.join(varied)}." if varied else text


def listed(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def recipes(cells: Sequence[Cell]) -> str:
    """The names, and in brackets what all rows have in common, or have unless they say otherwise."""
    parts = [family_of_model(cell.config.model.kind).recipe_words(cell.config.recipe) for cell in cells]
    shown, varied = [], False
    for key in parts[0]:
        every = {part.get(key, "") for part in parts}
        silent = {part.get(key, "") for part, cell in zip(parts, cells, strict=True) if not says(cell, key)}
        base = every if len(every) == 1 else silent
        if len(base) == 1:
            shown.append(next(iter(base)))
            varied |= len(every) > 1
    names = listed(cell.config.recipe.name for cell in cells)
    otherwise = "; unless the row says otherwise" if varied else ""
    return f"{names} ({', '.join(shown)}{otherwise})" if shown else names


def says(cell: Cell, key: str) -> bool:
    return any(word.startswith(("recipe=", f"recipe.{key}=")) for word in cell.overrides.split())


def method(preset: Preset, metric: Metric) -> str:
    test = "Welch" if preset.comparison == "welch" else "Student's t, paired by seed"
    text = (
        f"± is the sample sd over seeds (ddof 1). Intervals: {test}, 95 %, not corrected; p: {test}, Holm-corrected "
        f"over the table; better or worse needs corrected p < 0.05."
    )
    if preset.margin is not None:
        margin = f"±{preset.margin:g} {metric.difference_unit}".rstrip()
        text += f" “Equal within {margin}” needs the two one-sided tests at that margin (Holm-corrected p < 0.05)."
    return text


def sensitivity(preset: Preset, metric: Metric, sd: Spread, most: int, comparisons: int) -> str:
    """What so many seeds can show, and how many it would take, corrected or not for so many comparisons."""
    unit, places = metric.difference_unit, metric.digits
    over = "all rows" if sd.alike else "the two of each comparison, as the rows spread unalike"
    text = (
        f"Seeds: the sd of one run, pooled over {over}, is {sd.text(lambda s: f'{s:.{places + 1}f}')} {unit}".rstrip()
    )
    if most >= 2:
        found = sd.text(lambda s: f"{detectable(most, s):.{places}f}")
        text += f"; {most} seeds an arm find a difference of {found} {unit}".rstrip()
        text += " with 80 % power (two-sided 5 %, before correction)"
    for size, words, needed in (
        (preset.effect, "to find {}", seeds_for_difference),
        (preset.margin, "to show two equal activations equal within ±{}", seeds_for_equivalence),
    ):
        if size is not None:
            n, corrected = sd.seeds(needed, size, comparisons)
            text += f"; {words.format(number(size))} takes {n} seeds an arm, {corrected} with the full correction"
    return text + "."


def single_seed(metric: Metric, values: Mapping[str, Mapping[int, float]]) -> list[str]:
    """Who would have won with one seed of each row; nothing where a row has fewer than two runs."""
    groups = {title: list(seeds.values()) for title, seeds in values.items()}
    if min(len(group) for group in groups.values()) < 2:
        return []
    found = first_places(groups, metric.higher_is_better)
    shares = sorted(((round(100 * share), title) for title, share in found.items()), key=lambda pair: -pair[0])
    named = [f"{title} {percent} %" for percent, title in shares if percent > 0]
    return [f"With one seed of each row, drawn from these runs, first place would go to: {', '.join(named)}."]


def within(
    metric: Metric, family: Sequence[str], cells: Sequence[Cell], values: Mapping[str, Mapping[int, float]]
) -> str:
    """Whether the rows of these activations differ among themselves, and how far their means lie apart."""
    groups = [list(values[c.overrides].values()) for c in cells if c.config.activation["name"] in family]
    names, places = "; ".join(TITLES.get(name, name) for name in family), metric.digits
    means = sorted(float(numpy.mean(group)) for group in groups if group)
    p, start = welch_anova(groups), f"The {len(groups)} rows of {names} among themselves"
    if math.isnan(p):
        return f"{start}: not tested, a row has fewer than two runs or no spread."
    found, equals = "they differ" if p < 1 - LEVEL else "no difference detectable", "" if p < 0.001 else "= "
    return (
        f"{start}: means from {means[0]:.{places}f} to {means[-1]:.{places}f}, "
        f"{found} (Welch's analysis of variance, p {equals}{p_text(p)})."
    )


def mixture(records: Sequence[Record]) -> str:
    """Names what is not the same for all runs of a cell: commit, device, versions, threads, data, impl.

    Of ``impl`` whatever can move a result by rounding.
    """
    kinds: dict[str, Callable[[dict[str, Any]], Any]] = {
        "commit": lambda p: p["commit"],
        "device": lambda p: p["device"],
        "versions": lambda p: str(p["versions"]),
        "threads": lambda p: p["threads"],
        "data": lambda p: p["data"],
    } | {f"impl.{key}": functools.partial(rounding, key) for key in ROUNDING}
    mixed = [name for name, key in kinds.items() if len({key(p) for r in records for p in origins(r)}) > 1]
    return f"runs differ in {', '.join(mixed)}" if mixed else ""


def rounding(key: str, provenance: Mapping[str, Any]) -> str:
    """``impl.<key>`` of a run; records from before there was such a key have none of it."""
    return str(provenance["impl"].get(key) or ORDINARY.get(key))


def commits(records: Sequence[Record]) -> list[str]:
    return sorted({commit_title(p["commit"], p["clean"]) for r in records for p in origins(r)})


def provenance(records: Sequence[Record]) -> list[str]:
    found = [each for r in records for each in origins(r)]

    def every(key: str) -> list[str]:
        return sorted({str(p[key]) for p in found})

    if not records:
        return ["No run yet."]
    versions = sorted({", ".join(f"{k} {v}" for k, v in p["versions"].items()) for p in found})
    hours = sum(r["provenance"]["seconds"] for r in records) / 3600
    return [
        f"{len(records)} runs, {hours:.1f} h of training; commit {', '.join(commits(records))}; "
        f"{'; '.join(every('device'))}, threads {', '.join(every('threads'))}; {'; '.join(versions)}."
    ]
