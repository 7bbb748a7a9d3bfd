"""Exports a trained translator in the form that transformers' ``from_pretrained`` loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.activations.transformers_names import activation_name, lines_for
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.pretrained import save_pretrained
from experiments.families.translation.data.prepare import prepare_pairs
from experiments.families.translation.model import marian_settings, transformers
from experiments.families.translation.schema import Marian, PairsDataset
from experiments.files import write_atomic

TIED = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight")  # to model.shared


def export_run(config: Config, state: Mapping[str, Any], out: Path) -> list[str]:
    """Write ``config.json``, ``model.safetensors`` and, if the pairs are available, ``tokenizer.json``.

    Returns lines on how to load them. Raises UserError if transformers has no such activation.
    """
    assert isinstance(config.dataset, PairsDataset)
    assert isinstance(config.model, Marian)
    name = activation_name(config.activation)
    settings = transformers().MarianConfig(**marian_settings(config.model, name)).to_dict()
    settings["architectures"] = ["MarianMTModel"]
    save_pretrained(out, settings, {key: value for key, value in state.items() if key not in TIED})
    lines = lines_for(name)
    try:
        pairs = prepare_pairs(config.dataset, config.model, config.data_dir, config.cache_dir)
    except UserError as error:
        return [*lines, f"without its tokenizer, as the pairs are not here: {error}"]
    write_atomic(out / "tokenizer.json", pairs.tokenizer.to_str().encode())
    return [*lines, "text to tokens and back: tokenizers.Tokenizer.from_file('tokenizer.json')"]
