"""Write a trained language model in the form that Hugging Face transformers loads.

  python scripts/export.py run=results/runs/imdb-gpt2_tiny/egem-…/seed0 out=exported

``out`` gets config.json and model.safetensors. An activation of gem has its name there (``egem_n1_eps0.0001``), which
``gem.register_with_transformers`` makes known before ``AutoModelForCausalLM.from_pretrained(out)``, or
``AutoModelForMaskedLM`` for BERT.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

import gem
from experiments.checkpoint import Checkpoints
from experiments.cli import key_values, script
from experiments.config.resolve import typed_activation, typed_model
from experiments.config.schema import Transformer
from experiments.errors import UserError
from experiments.models.export import write_pretrained

KEYS = {"run": "", "out": ""}
# Names of transformers' ACT2FN for torch's activations.
THEIRS = {"relu": "relu", "gelu": "gelu", "silu": "silu", "mish": "mish", "leaky_relu": "leaky_relu"}
GPT2_TOKENS = 50257
SHORT = {"N": "n", "negative_slope": "slope"}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    run, out = Path(values["run"]), Path(values["out"])
    if not values["out"] or not (run / "config.yaml").is_file():
        raise UserError(
            f"run={values['run']} out={values['out']}: give a run directory, with config.yaml, and a folder"
        )
    config: Any = OmegaConf.load(run / "config.yaml")
    model = typed_model(config.model)
    if not isinstance(model, Transformer):
        raise UserError(f"run={run}: model={config.model.name} is no language model")
    state = Checkpoints(run / "checkpoints").latest(lambda state: None)
    if state is None:
        raise UserError(f"run={run}: it has no checkpoint")
    name = activation_name(typed_activation(config.activation, {}))
    weights = state["model"]
    write_pretrained(out, model, len(weights["tokens.weight"]), name, weights)
    print(f"{out}: {config.model.name} with {name} at step {state['step']}")
    if model.kind == "gpt2" and model.vocab_size < GPT2_TOKENS:
        print(f"its token ids are ranks by frequency in the training text, not GPT-2's (vocab_size={model.vocab_size})")
    if name not in THEIRS.values():
        print(f"before from_pretrained: gem.register_with_transformers({name!r})")


def activation_name(activation: dict[str, Any]) -> str:
    """The name in ACT2FN. Raises UserError for an activation that transformers has not and gem does not bring."""
    name = activation["name"]
    if name in THEIRS:
        for key, value in activation.items():
            if key != "name" and value != gem.ACTIVATIONS[name].defaults[key]:
                raise UserError(f"activation.{key}={value}: transformers has {name} with its default only")
        return THEIRS[name]
    if name not in ("gem", "egem", "segem", "golu"):
        raise UserError(f"activation={name}: transformers has no activation of this name")
    if activation.get("learnable"):
        raise UserError(f"activation={name}: a learnable scale has no place in transformers' model")
    parts = [name]
    for key, value in activation.items():
        if key == "convention" and value == "scale":
            parts.append("scale")
        elif key in ("N", "eps", "negative_slope", "alpha", "beta", "gamma"):
            parts.append(f"{SHORT.get(key, key)}{int(value) if value == int(value) else value}")
    return "_".join(parts)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
