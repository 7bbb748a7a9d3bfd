"""Draw figures from committed records, and the functions themselves.

  python scripts/figures.py figure=functions         the activations: values, derivatives, convergence to ReLU
  python scripts/figures.py figure=table_mnist       a preset: differences, learning curves, maps, landscapes
  python scripts/figures.py figure=ranking           average ranks over all tables, with the critical difference
  python scripts/figures.py figure=all               all of these, for every preset that has records

Writes results/figures/<name>.png, .pdf and .svg.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

from experiments.errors import UserError
from experiments.figures import FUNCTION_FIGURES, preset_figures, ranking_figure
from experiments.figures.landscape import landscape_figures
from experiments.figures.style import save
from experiments.landscape.study import read
from experiments.presets import names
from experiments.study import recorded
from experiments.words import key_values, script

KEYS = {"figure": "", "results_dir": "results"}
GENERAL = ("all", "functions", "ranking")


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    results, wanted = Path(values["results_dir"]), values["figure"]
    if wanted not in (*GENERAL, *names()):
        raise UserError(f"figure={wanted}: must be {', '.join(GENERAL)} or one of {', '.join(names())}")
    if wanted in ("all", "functions"):
        for name, draw in FUNCTION_FIGURES.items():
            show(draw(), results, name)
    chosen = names() if wanted in ("all", "ranking") else [wanted] if wanted not in GENERAL else []
    tables = [table for table in (recorded(name, results) for name in chosen) if table]
    if not tables and wanted not in GENERAL:
        raise UserError(f"figure={wanted}: no records yet; python scripts/aggregate.py table={wanted} collects them")
    if wanted != "ranking":
        for table in tables:
            study = read(results, table.preset.name)
            for name, made in [*preset_figures(table), *(landscape_figures(study) if study else ())]:
                show(made, results, name)
    if wanted in ("all", "ranking"):
        ranking = ranking_figure(tables)
        if ranking:
            show(ranking, results, "ranking")
        elif wanted == "ranking":
            raise UserError("figure=ranking: needs records of at least two tasks with three activations in common")


def show(made: Figure, results: Path, name: str) -> None:
    print("figure:", *save(made, results / "figures" / name))


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
