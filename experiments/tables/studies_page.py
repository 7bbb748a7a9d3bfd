"""The page of all recorded studies: how each was done, one line a study."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from experiments.markdown import pipe_table
from experiments.records.record import Record
from experiments.studies.cells import Cell
from experiments.studies.naming import activation_title, number
from experiments.tables.notes import listed
from experiments.tables.provenance import training_hours
from experiments.tables.staged import tuning_of
from experiments.tables.table import Table

HEADS = [
    "study",
    "data",
    "network",
    "activations",
    "seeds",
    "runs",
    "learning rate",
    "test",
    "equivalent within",
    "hours",
]
NOTES = (
    "Seeds: finished runs of a row, fewest to most. Rows stop at the look that settles them.",
    "Runs: those that count. Behind the plus sign: tuning runs, with seeds of their own, on held-out training data.",
    "Learning rate: “own” means the best of the rates shown, for each row. Otherwise all rows share what is shown.",
    "Test: paired by seed (Student's t, Bonferroni) or Welch's (Holm). Both share an error of 5 % over the table.",
    "Hours: of training, counted runs alone, on one thread.",
)


def studies_of(tables: Sequence[Table]) -> list[Table]:
    """The studies with counted runs, except demonstrations."""
    return [table for table in tables if table.runs and not table.preset.demonstration]


def studies_markdown(tables: Sequence[Table]) -> str:
    """The page. ``tables`` are those of ``studies_of``."""
    runs = {(run["run"], run["seed"]): run for table in tables for run in table.runs}
    tuned = {(cell.run, seed) for table in tables for cell, seed in tuning_runs(table)}
    diverged = sum(run["result"]["status"] == "diverged" for run in runs.values())
    start = (
        f"{len(tables)} studies: {len(runs):,} counted runs in {training_hours(runs.values()):.0f} hours of training, "
        f"{len(tuned):,} tuning runs. {diverged} counted runs diverged."
    )
    body = pipe_table([line(table) for table in tables], HEADS)
    return "\n\n".join(["# The studies", start, body, "".join(f"- {note}\n" for note in NOTES)])


def line(table: Table) -> list[str]:
    configs = [row.cell.config for row in table.rows]
    finished = [len(row.values) for row in table.rows]
    tuning = len(tuning_runs(table))
    margin = table.preset.margin
    return [
        f"`{table.preset.name}`",
        listed(config.dataset.name for config in configs),
        listed(config.model.name for config in configs),
        str(len({activation_title(config.activation) for config in configs})),
        span(finished),
        f"{len(table.runs)}" + (f" + {tuning}" if tuning else ""),
        rates(table),
        method(table),
        f"±{margin:g} {table.metric.difference_unit}".rstrip() if margin is not None else "—",
        hours_text(table.runs),
    ]


def tuning_runs(table: Table) -> list[tuple[Cell, int]]:
    """Cell and seed of every tuning run."""
    tuning = tuning_of(table)
    if tuning is None:
        return []
    places = [
        (tuning.cells[name][point], seeds) for name, scores in tuning.scores.items() for point, seeds in scores.items()
    ]
    return [(cell, seed) for cell, seeds in places for seed in seeds]


def rates(table: Table) -> str:
    """What the rows tried or share. A key that is not the learning rate is named."""
    tuning = tuning_of(table)
    if tuning is not None:
        axes = [
            ("" if key == "recipe.lr" else f"{key.rpartition('.')[2]} ") + listed(map(rounded, axis))
            for key, axis in tuning.grid.items()
        ]
        return f"own, of {'; '.join(axes)}"
    return listed(number(row.cell.config.recipe.lr) for row in table.rows)


def rounded(value: float) -> str:
    """Three digits: a grid that grew has values such as 0.1 · 10/3."""
    return number(float(f"{value:.3g}"))


def method(table: Table) -> str:
    if not table.paired:
        return "Welch"
    looks = len(table.preset.looks)
    return f"paired, {looks} looks" if looks > 1 else "paired"


def hours_text(runs: Iterable[Record]) -> str:
    found = training_hours(runs)
    return f"{found:.1f}" if found >= 0.05 else "< 0.1"


def span(counts: Sequence[int]) -> str:
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)}–{max(counts)}"
