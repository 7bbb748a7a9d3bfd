"""Write a trained model in the form that another library loads, or pictures of what it does.

  python scripts/export.py run=results/runs/imdb-gpt2_tiny/egem-…/seed0 out=exported
  python scripts/export.py run=results/runs/scenes-deeplab/egem-…/seed0 out=shown pictures=true

A language model becomes a folder for Hugging Face transformers: config.json, model.safetensors and what is needed to
turn text into its tokens and back. The last line says how to load it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import OmegaConf

from experiments.cli import key_values, read_switch, script
from experiments.config.resolve import restore
from experiments.errors import UserError
from experiments.families.registry import family_of_model
from experiments.runs.averaging import evaluated_weights
from experiments.runs.checkpoint import Checkpoints

KEYS = {"run": "", "out": "", "pictures": "false"}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    run, out = Path(values["run"]), Path(values["out"])
    if not values["out"] or not (run / "config.yaml").is_file():
        raise UserError(
            f"run={values['run']} out={values['out']}: give a run directory, with config.yaml, and a folder"
        )
    config = restore(OmegaConf.to_container(OmegaConf.load(run / "config.yaml")))  # type: ignore[arg-type]
    state = Checkpoints(run / "checkpoints").latest(lambda state: None)
    if state is None:
        raise UserError(f"run={run}: it has no checkpoint")
    family, weights = family_of_model(config.model.kind), evaluated_weights(state)
    if read_switch("pictures", values["pictures"]):
        lines = [str(path) for path in family.pictures(config, weights, out)]
        if not lines:
            raise UserError(f"pictures=true: a model of the family {config.model.kind} draws none")
    else:
        lines = family.export(config, weights, out)
    print(f"{out}: {config.model.name} at step {state['step']}")
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
