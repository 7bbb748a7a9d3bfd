"""Measure what surrounds trained networks: sharpness, loss surface, weights, and the variance of outputs.

  python scripts/landscape.py experiment=table_mnist                    every row's seed 0, all parts
  python scripts/landscape.py experiment=table_mnist parts=sharpness seeds=0,1,2
  python scripts/landscape.py experiment=table_mnist parts=surface points=31 activation=gelu,egem
  python scripts/landscape.py experiment=tuned_mlp where=model.blocks=4 seeds=0,1,2,3,4 directions=global

parts=
  sharpness   largest eigenvalue and trace of the Hessian of the training loss, on examples=2048 images, evaluation
              mode; Hutchinson with vectors=32
  surface     test loss over the whole test set at points=21 × 21 places within span=1 of the weights, along two random
              directions, the same draw for every row; directions=filter normalises them filter by filter (Li et al.
              2018), directions=global to the norm 1 over all weights (as GoLU's code does)
  weights     distribution of the weights, the measured seeds of a row pooled
  variance    of the activations' outputs on four training images behind a random convolution and BatchNorm

where= selects rows by an override. A study with tuning is measured at the values that tuning chose.

It needs the checkpoints of finished runs below runs_dir. It writes results/landscape/<experiment>.json, which
figures.py figure=<experiment> draws, and a page of comparisons, results/tables/landscape_<experiment>.md. Sharpness
and surfaces that the file has with the same settings are not measured again. Weights and variance are cheap, and are
measured at every call.
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.cli import key_values, read_positive, read_whole, script
from experiments.errors import UserError, must_be
from experiments.files import write_page
from experiments.landscape.study import Settings, measure_study, path_of
from experiments.landscape.surface import DIRECTIONS
from experiments.studies.cells import Cell, cells_of
from experiments.studies.naming import number
from experiments.studies.presets import Preset, load_preset
from experiments.studies.results import Results
from experiments.studies.stages import follow_study
from experiments.tables.landscape_page import landscape_markdown

PARTS = ("sharpness", "surface", "weights", "variance")
KEYS = {
    "experiment": "",
    "parts": ",".join(PARTS),
    "seeds": "0",
    "activation": "",
    "where": "",
    "examples": "2048",
    "vectors": "32",
    "points": "21",
    "span": "1.0",
    "directions": "filter",
    "runs_dir": "",
    "results_dir": "results",
}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    parts = tuple(values["parts"].split(","))
    if not set(parts) <= set(PARTS):
        raise UserError(must_be("parts", values["parts"], f"some of {', '.join(PARTS)}"))
    if values["directions"] not in DIRECTIONS:
        raise UserError(must_be("directions", values["directions"], " or ".join(DIRECTIONS)))
    settings = Settings(
        parts=parts,
        examples=read_whole("examples", values["examples"]),
        vectors=read_whole("vectors", values["vectors"], 2),
        points=read_whole("points", values["points"], 2),
        span=read_positive("span", values["span"]),
        directions=values["directions"],
    )
    seeds = [read_whole("seeds", seed, 0) for seed in values["seeds"].split(",")]
    results = Path(values["results_dir"])
    preset = load_preset(values["experiment"])
    cells = rows_of(preset, results, values["runs_dir"])
    if values["activation"]:
        wanted = values["activation"].split(",")
        cells = [cell for cell in cells if cell.config.activation["name"] in wanted]
    if values["where"]:
        cells = [cell for cell in cells if values["where"] in cell.overrides.split()]
    study = measure_study(values["experiment"], cells, seeds, settings, results)
    if not study["runs"]:
        raise UserError(f"experiment={values['experiment']}: none of these runs has finished with its checkpoint kept")
    for run in study["runs"]:
        sharp = run.get("sharpness")
        if sharp:
            trace = f"{number(sharp['trace'])} ± {number(sharp['trace_error'])}"
            print(f"{run['title']}, seed {run['seed']}: largest eigenvalue {number(sharp['top'])}, trace {trace}")
    if text := landscape_markdown(study, preset):
        write_page(results, f"landscape_{preset.name}", text)
    print(f"landscape: {path_of(results, values['experiment'])}, {len(study['runs'])} runs")


def rows_of(preset: Preset, results: Path, runs_dir: str) -> list[Cell]:
    """The preset's cells, at the values that tuning chose. Raises UserError if the tuning is not complete."""
    cells = cells_of(preset)
    if preset.tune:
        cells = follow_study(preset, Results(runs_dir or None, results / "records", only=preset.name)).cells
        if not cells:
            raise UserError(f"experiment={preset.name}: its tuning is not complete; scripts/submit.py continues it")
    for cell in cells:
        cell.config.runs_dir = runs_dir or cell.config.runs_dir
    return cells


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
