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
from pathlib import Path

from experiments.errors import UserError
from experiments.figures import FUNCTION_FIGURES, TASK_FIGURES, preset_figures
from experiments.figures.landscape import landscape_figures
from experiments.figures.style import save
from experiments.landscape.study import read
from experiments.parallel import over_cores
from experiments.presets import names
from experiments.study import recorded
from experiments.words import key_values, script

KEYS = {"figure": "", "results_dir": "results"}
GENERAL = ("all", "functions", "tasks")
NO_RECORDS = "no records yet; python scripts/aggregate.py table={} collects them"
TOO_LITTLE = "needs records of at least two tasks with an activation in common besides the reference"


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    results, wanted = Path(values["results_dir"]), values["figure"]
    if wanted not in (*GENERAL, *names()):
        raise UserError(f"figure={wanted}: must be {', '.join(GENERAL)} or one of {', '.join(names())}")
    if wanted != "all":
        lines = draw(wanted, results)
        if not lines:
            raise UserError(f"figure={wanted}: {TOO_LITTLE if wanted == 'tasks' else NO_RECORDS.format(wanted)}")
        print(*lines, sep="\n")
        return
    some = [name for name in names() if (results / "records" / f"{name}.jsonl").exists()]
    for lines in over_cores(functools.partial(draw, results=results), ["tasks", *some, "functions"]):
        for line in lines:
            print(line, flush=True)


def draw(wanted: str, results: Path) -> list[str]:
    """Draw and save the figures of one word; what was written, nothing where the records do not suffice."""
    if wanted == "functions":
        made = [(name, figure()) for name, figure in FUNCTION_FIGURES.items()]
    elif wanted == "tasks":
        tables = [table for name in names() if (table := recorded(name, results))]
        made = [(name, drawn) for name, figure in TASK_FIGURES.items() if (drawn := figure(tables))]
    else:
        table, study = recorded(wanted, results), read(results, wanted)
        made = [*(preset_figures(table) if table else ()), *(landscape_figures(study) if table and study else ())]
    return [" ".join(["figure:", *map(str, save(figure, results / "figures" / name))]) for name, figure in made]


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
