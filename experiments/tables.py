"""The table of a preset: its rows from records, matched by the hash of typed values; words, numbers and footnotes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.config.schema import Config
from experiments.naming import cell_title, difference_unit, digits, higher_is_better
from experiments.presets import Preset
from experiments.records import Cell, Record
from experiments.stats import Difference, Summary, holm, summarise, verdict, welch


@dataclass(frozen=True)
class Row:
    """One cell of the preset, compared with the reference."""

    title: str
    overrides: str
    planned: int
    diverged: int
    summary: Summary
    difference: Difference | None  # None for the reference itself
    p_adjusted: float
    verdict: str
    published: float | None
    remark: str  # what differs between the runs of this cell, else empty

    @property
    def better(self) -> bool:
        return self.verdict.startswith("better")


@dataclass(frozen=True)
class Table:
    """A preset's rows with what a reader needs to judge them."""

    preset: Preset
    config: Config  # of the reference
    reference: str
    rows: list[Row]
    notes: list[str]


def build(preset: Preset, cells: Sequence[Cell], records: Sequence[Record]) -> Table:
    """Rows in the order of the cells. A run counts for the cell whose configuration hash it has, and for no other."""
    by_cell = {cell.run: [r for r in records if r["run"] == cell.run and r["seed"] < preset.seeds] for cell in cells}
    reference = next(cell for cell in cells if cell.overrides == preset.reference)
    values = {run: finished(by_cell[run], preset.metric) for run in by_cell}
    others = [cell for cell in cells if cell is not reference]
    differences = {cell.run: welch(values[cell.run], values[reference.run]) for cell in others}
    adjusted = dict(zip(differences, holm([d.p for d in differences.values()]), strict=True))
    published = {entry["cell"]: entry for entry in preset.published}
    rows = []
    for cell in cells:
        difference = differences.get(cell.run)
        p = adjusted.get(cell.run, math.nan)
        runs = by_cell[cell.run]
        words = "reference"
        if difference is not None:
            unit, places = difference_unit(preset.metric), digits(preset.metric)
            words = verdict(difference, p, higher_is_better(preset.metric), unit, places)
        rows.append(
            Row(
                title=cell_title(cell.config.activation, cell.overrides),
                overrides=cell.overrides,
                planned=preset.seeds,
                diverged=sum(r["result"]["status"] == "diverged" for r in runs),
                summary=summarise(values[cell.run]),
                difference=difference,
                p_adjusted=p,
                verdict=words if runs else "not run",
                published=published[cell.overrides]["value"] if cell.overrides in published else None,
                remark=mixture(runs),
            )
        )
    used = [r for cell in cells for r in by_cell[cell.run]]
    title = cell_title(reference.config.activation, reference.overrides)
    return Table(preset, reference.config, title, rows, notes(preset, cells, used))


def finished(records: Sequence[Record], metric: str) -> list[float]:
    return [r["result"][metric] for r in records if r["result"]["status"] == "finished"]


def mixture(records: Sequence[Record]) -> str:
    """Names what is not the same for all runs of a cell: commit, device, versions, impl, data."""
    kinds = {
        "commit": lambda p: p["commit"],
        "device": lambda p: p["device"],
        "versions": lambda p: str(p["versions"]),
        "impl": lambda p: p["impl"]["name"],
        "threads": lambda p: p["threads"],
        "data": lambda p: p["data"],
    }
    mixed = [name for name, key in kinds.items() if len({key(r["provenance"]) for r in records}) > 1]
    return f"runs differ in {', '.join(mixed)}" if mixed else ""


def notes(preset: Preset, cells: Sequence[Cell], records: Sequence[Record]) -> list[str]:
    """The footnotes: data, recipe, reconstruction, published sources, provenance."""
    config = cells[0].config
    recipe = config.recipe
    lines = [
        f"Data: {config.dataset.title}. Model: {config.model.name}. Recipe: {recipe.name} ({recipe.epochs} epochs, "
        f"batch {recipe.batch_size}, {recipe.optimizer}, learning rate {recipe.lr:g}, {recipe.schedule}). "
        f"Result: {preset.metric.replace('_', ' ')} at the last epoch.",
        "± is the sample sd over seeds (ddof 1). Intervals: Welch, 95 %, not corrected; p: Welch, Holm-corrected over "
        "the table; a verdict other than “no difference detectable” needs corrected p < 0.05.",
    ]
    if any(cell.config.activation["name"] in ("egem", "segem") for cell in cells):
        lines.append(
            "E-GEM is the likelier of two readings of the paper (additive ε); SE-GEM is a reconstruction from its "
            "stated properties."
        )
    lines += [f"Published, {entry['cell']}: {entry['value']}. Source: {entry['source']}." for entry in preset.published]
    if preset.note:
        lines.append(preset.note)
    return lines + provenance(records)


def provenance(records: Sequence[Record]) -> list[str]:
    def every(key: str) -> list[str]:
        return sorted({str(r["provenance"][key]) for r in records})

    if not records:
        return ["No run yet."]
    commits = sorted(
        {
            (r["provenance"]["commit"] or "unknown")[:8] + ("" if r["provenance"]["clean"] else " (tree not clean)")
            for r in records
        }
    )
    versions = sorted({", ".join(f"{k} {v}" for k, v in r["provenance"]["versions"].items()) for r in records})
    hours = sum(r["provenance"]["seconds"] for r in records) / 3600
    return [
        f"{len(records)} runs, {hours:.1f} h of training; commit {', '.join(commits)}; {'; '.join(every('device'))}, "
        f"threads {', '.join(every('threads'))}; {'; '.join(versions)}."
    ]
