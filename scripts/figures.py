"""Draw figures from committed records, and the functions themselves.

  python scripts/figures.py figure=functions         the activations: values, derivatives, convergence to ReLU
  python scripts/figures.py figure=table_mnist       a preset: differences, learning curves, maps, landscapes
  python scripts/figures.py figure=ranking           average ranks over all tables, with the critical difference
  python scripts/figures.py figure=all               all of these, for every preset that has records

Writes results/figures/<name>.png, .pdf and .svg.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from experiments.errors import UserError
from experiments.figures import FUNCTION_FIGURES, preset_figures, ranking_figure
from experiments.figures.landscape import landscape_figures
from experiments.figures.ranks import ranking_of
from experiments.figures.style import save
from experiments.landscape.study import read
from experiments.parallel import over_cores
from experiments.presets import names
from experiments.study import recorded
from experiments.tables import Table
from experiments.words import key_values, script

KEYS = {"figure": "", "results_dir": "results"}
GENERAL = ("all", "functions", "ranking")

table_of = functools.cache(recorded)


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    results, wanted = Path(values["results_dir"]), values["figure"]
    if wanted not in (*GENERAL, *names()):
        raise UserError(f"figure={wanted}: must be {', '.join(GENERAL)} or one of {', '.join(names())}")
    if wanted != "all":
        print(*draw(wanted, results), sep="\n")
        return
    some = [name for name in names() if (results / "records" / f"{name}.jsonl").exists()]
    for lines in over_cores(functools.partial(drawable, results=results), [*some, "ranking", "functions"]):
        for line in lines:
            print(line, flush=True)


def drawable(wanted: str, results: Path) -> list[str]:
    """``draw`` where the records suffice, else nothing."""
    made = ranking_of(tasks(results)) if wanted == "ranking" else wanted == "functions" or table_of(wanted, results)
    return draw(wanted, results) if made else []


def draw(wanted: str, results: Path) -> list[str]:
    """Draw and save the figures of one word; what was written. Raises UserError where the records do not suffice."""
    if wanted == "functions":
        made = [(name, figure()) for name, figure in FUNCTION_FIGURES.items()]
    elif wanted == "ranking":
        ranking = ranking_figure(tasks(results))
        if ranking is None:
            raise UserError("figure=ranking: needs records of at least two tasks with three activations in common")
        made = [(wanted, ranking)]
    else:
        table, study = table_of(wanted, results), read(results, wanted)
        if table is None:
            raise UserError(
                f"figure={wanted}: no records yet; python scripts/aggregate.py table={wanted} collects them"
            )
        made = [*preset_figures(table), *(landscape_figures(study) if study else ())]
    return [" ".join(["figure:", *map(str, save(figure, results / "figures" / name))]) for name, figure in made]


def tasks(results: Path) -> list[Table]:
    """The tables that count as a task in the ranking."""
    found = (table_of(name, results) for name in names())
    return [table for table in found if table and table.preset.task]


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
