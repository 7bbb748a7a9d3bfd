"""Draw figures from committed records, and the functions themselves.

  python scripts/figures.py figure=functions         the activations, their gates and slopes
  python scripts/figures.py figure=table_mnist       learning curves of a preset
  python scripts/figures.py figure=all               the functions, and every preset that has records

Writes results/figures/<name>.png and .pdf.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

import gem
from experiments import style
from experiments.cells import cells_of
from experiments.curves import learning_curves
from experiments.errors import UserError
from experiments.naming import activation_title
from experiments.presets import load, names
from experiments.records import load as load_records
from experiments.words import key_values, script

KEYS = {"figure": "", "results_dir": "results"}
SHOWN: list[dict[str, Any]] = [
    {"name": "relu"},
    {"name": "gelu"},
    {"name": "golu"},
    {"name": "gem", "N": 1},
    {"name": "gem", "N": 2},
    {"name": "egem", "N": 1, "eps": 1e-2},
    {"name": "segem", "N": 1, "eps": 1e-2, "negative_slope": 0.1},
]


def functions() -> Figure:
    """Value, gate f(x)/x and slope of each activation on [-3, 3], by automatic differentiation in float64."""
    made, axes = style.figure(3)
    x = torch.linspace(-3, 3, 1200, dtype=torch.float64, requires_grad=True)  # an even number leaves out x = 0
    for index, activation in enumerate(SHOWN):
        parameters = {key: value for key, value in activation.items() if key != "name"}
        y = gem.make_activation(activation["name"], **parameters)(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        colour, line = style.look(index)
        for panel, values in zip(axes, (y, y / x, slope), strict=True):
            panel.plot(x.detach(), values.detach(), line, color=colour, label=activation_title(activation))
    for panel, title in zip(axes, ("f(x)", "gate f(x)/x", "slope f′(x)"), strict=True):
        panel.set(title=title, xlabel="x")
    axes[0].legend(fontsize=7)
    return made


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    results, wanted = Path(values["results_dir"]), values["figure"]
    if wanted not in ("all", "functions", *names()):
        raise UserError(f"figure={wanted}: must be all, functions or one of {', '.join(names())}")
    if wanted in ("all", "functions"):
        show(style.save(functions(), results / "figures" / "functions"))
    for name in names() if wanted == "all" else [wanted] if wanted != "functions" else []:
        plan = load(name)
        cells = cells_of(plan)
        records = load_records(results / "records" / f"{name}.jsonl", cells)
        if records:
            made = learning_curves(plan, cells, records)
            show(style.save(made, results / "figures" / f"{name}_curves"))
        elif wanted != "all":
            raise UserError(f"figure={name}: no records yet; python scripts/aggregate.py table={name} collects them")


def show(paths: list[Path]) -> None:
    print("figure:", *paths)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
