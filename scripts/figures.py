"""Draw figures from committed records, and the functions themselves.

  python scripts/figures.py figure=functions         the activations: values, derivatives, convergence to ReLU
  python scripts/figures.py figure=table_mnist       a preset: differences, learning curves, maps, landscapes
  python scripts/figures.py figure=tasks             every activation on every task, and average ranks over the tasks
  python scripts/figures.py figure=all               all of these, for every preset that has records

Writes results/figures/<name>.png, .pdf and .svg.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from experiments.cli import key_values, script
from experiments.errors import UserError
from experiments.figures import FUNCTION_FIGURES, TASK_FIGURES, preset_figures
from experiments.figures.landscape import landscape_figures
from experiments.figures.style import save
from experiments.landscape.study import read_study
from experiments.parallel import over_cores
from experiments.studies.presets import preset_names
from experiments.tables.recorded import recorded
from experiments.tables.table import Table

KEYS = {"figure": "", "results_dir": "results"}
GENERAL = ("all", "functions", "tasks")
NO_RECORDS = "no records yet; python scripts/aggregate.py table={} collects them"
TOO_LITTLE = "needs records of at least two tasks with an activation in common besides the reference"
Figures = Iterable[tuple[str, Figure]]
Maker = Callable[[], Figures]


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    results, wanted = Path(values["results_dir"]), values["figure"]
    if wanted not in (*GENERAL, *preset_names()):
        raise UserError(f"figure={wanted}: must be {', '.join(GENERAL)} or one of {', '.join(preset_names())}")
    needed = {"functions": [], "tasks": preset_names(), "all": preset_names()}.get(wanted, [wanted])
    tables = [table for table in over_cores(functools.partial(recorded, results=results), needed) if table]
    if not draw_all(tables, results, wanted):
        raise UserError(f"figure={wanted}: {TOO_LITTLE if wanted == 'tasks' else NO_RECORDS.format(wanted)}")


def draw_all(tables: Sequence[Table], results: Path, wanted: str = "all") -> int:
    """Draw and save the figures that ``wanted`` names, and print them; return their number."""
    of_tasks = functools.partial(task_figures, tables, results / "figures")
    makers: dict[str, Maker] = {"functions": function_figures, "tasks": of_tasks}
    makers |= {table.preset.name: functools.partial(table_figures, table, results) for table in tables}
    chosen = list(makers.values()) if wanted == "all" else [makers[wanted]] if wanted in makers else []
    drawn = 0
    for lines in over_cores(functools.partial(draw, results / "figures"), chosen):
        drawn += len(lines)
        for line in lines:
            print(line, flush=True)
    return drawn


def function_figures() -> Figures:
    return ((name, figure()) for name, figure in FUNCTION_FIGURES.items())


def task_figures(tables: Sequence[Table], folder: Path) -> Figures:
    """The figures for which the tables suffice. Older files of the others are removed, as they would be outdated."""
    for name, figure in TASK_FIGURES.items():
        if drawn := figure(tables):
            yield name, drawn
        else:
            for path in folder.glob(f"{name}.*"):
                path.unlink()


def table_figures(table: Table, results: Path) -> Figures:
    study = read_study(results, table.preset.name)
    return [*preset_figures(table), *(landscape_figures(study) if study else ())]


def draw(folder: Path, make: Maker) -> list[str]:
    """Draw and save; return what was written."""
    return [" ".join(["figure:", *map(str, save(figure, folder / name))]) for name, figure in make()]


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
