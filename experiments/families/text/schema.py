"""The configuration of language modelling: corpora, networks and recipe."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.config.rules import fraction, one_of, optional, positive_int, rule, switch, text
from experiments.config.schema import Dataset, Model, Recipe


@dataclass(kw_only=True)
class TextDataset(Dataset):
    """Documents. ``source=text`` reads files below ``data_dir``/``folder``; ``source=hub`` uses ``datasets``."""

    folder: str = text()  # below data_dir; for the hub, the name of the dataset (owner/name)
    subset: str | None = optional(text())  # of a dataset on the hub
    validation: float = fraction(0.01)  # share of the documents, chosen by hash; the hub's own split takes precedence
    holdout: float = fraction(0.0)  # evaluate on this last share of the training text instead of the validation text


@dataclass(kw_only=True)
class Transformer(Model):
    """GPT-2 with its byte-level BPE, or BERT with a WordPiece vocabulary of ``vocab_size`` trained from the corpus.

    With ``vocab_size`` below the BPE's 50,257 the most frequent tokens keep their own ids, and all others share one.
    """

    layers: int = positive_int()
    heads: int = positive_int()
    width: int = positive_int()
    context: int = positive_int()
    vocab_size: int = rule("an integer from 16 to 65536, the range of a uint16", lambda v: 16 <= v <= 2**16)
    mlp: str = one_of("plain", "gated", default="plain")  # gated: activation(Wx) · Vx, with as many parameters
    dropout: float = fraction(0.0)  # gpt2: on embeddings, attention weights and the outputs of blocks
    bias: bool = switch(True)  # gpt2: false leaves the biases out, as nanoGPT does


@dataclass(kw_only=True)
class TextRecipe(Recipe):
    """Language models. The number of tokens per step does not depend on the number of processes."""

    tokens_per_step: int = positive_int()
    sequence: int | None = optional(positive_int())  # tokens per sequence; null: the model's context
    mask_rate: float = fraction(0.15)  # BERT: share of the tokens to predict
    eval_every_steps: int | None = optional(positive_int(), 250)
    eval_tokens: int | None = optional(positive_int())  # evaluate on so many tokens, evenly spread; null: all
