"""Builds the language models, by kind."""

from __future__ import annotations

from experiments.activations.build import MakeActivation
from experiments.families.text.models.bert import BERT
from experiments.families.text.models.gpt2 import GPT2
from experiments.families.text.schema import Transformer
from experiments.randomness import generator


def build_transformer(config: Transformer, activation: MakeActivation, vocabulary: int, seed: int) -> GPT2 | BERT:
    """A language model over ``vocabulary`` tokens, initialised."""
    sizes = (vocabulary, config.context, config.layers, config.heads, config.width)
    model: GPT2 | BERT
    if config.kind == "gpt2":
        model = GPT2(*sizes, activation, config.mlp, config.dropout, config.bias)
    else:
        model = BERT(*sizes, activation, config.mlp)
    model.initialise(generator(seed, "init"))
    return model
