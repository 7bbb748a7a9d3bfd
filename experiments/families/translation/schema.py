"""The configuration of translation: sentence pairs, network and recipe."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.config.rules import fraction, non_negative, optional, positive_int, rule, text, whole
from experiments.config.schema import Dataset, Model, Recipe


@dataclass(kw_only=True)
class PairsDataset(Dataset):
    """Sentence pairs. ``source=pairs`` reads files below ``data_dir``/``folder``; ``hub_pairs`` uses ``datasets``."""

    folder: str = text()  # below data_dir; for the hub, the name of the dataset (owner/name)
    subset: str | None = optional(text())  # of a dataset on the hub
    languages: list[str] = rule(
        "two languages, source and target, such as [en, de]", lambda v: len(v) == 2 and all(v), ["en", "de"]
    )
    max_words: int | None = optional(positive_int())  # leave out pairs with more words on either side; null: keep all
    holdout: int = whole(0)  # evaluate on this many held-out training pairs instead of the validation and test pairs


@dataclass(kw_only=True)
class Marian(Model):
    """transformers' Marian: encoder and decoder with post-LayerNorm blocks. All embeddings share one matrix."""

    encoder_layers: int = positive_int()
    decoder_layers: int = positive_int()
    heads: int = positive_int()
    width: int = positive_int()
    hidden: int = positive_int()  # units of the feed-forward layers
    context: int = positive_int()  # greatest number of tokens in a sentence
    vocab_size: int = rule("an integer from 258 to 65536", lambda v: 258 <= v <= 2**16)  # of the joint BPE
    dropout: float = fraction(0.0)


@dataclass(kw_only=True)
class TranslationRecipe(Recipe):
    """Translation. A step has about ``tokens_per_step`` target tokens, for any number of processes."""

    tokens_per_step: int = positive_int()  # upper limit of a batch's source tokens and of its target tokens, padded
    label_smoothing: float = fraction(0.0)  # of the training loss; evaluation losses are not smoothed
    eval_every_steps: int | None = optional(positive_int(), 250)
    beams: int = whole(1)  # of the decoding at the end: 1 is greedy, 0 skips it with BLEU and chrF
    length_penalty: float = non_negative(0.6)  # of beam search: scores are divided by length to this power
