"""What can be said of translation: the sentence pairs, the network, the recipe."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.config.rules import fraction, non_negative, optional, positive_int, rule, text, whole
from experiments.config.schema import Dataset, Model, Recipe


@dataclass(kw_only=True)
class PairsDataset(Dataset):
    """Sentence pairs. ``source=pairs``: files below ``data_dir``/``folder``; ``source=hub_pairs``: by ``datasets``."""

    folder: str = text()  # below data_dir; for the hub, of the dataset (owner/name)
    subset: str | None = optional(text())  # of a dataset on the hub
    languages: list[str] = rule(
        "two languages, source and target, such as [en, de]", lambda v: len(v) == 2 and all(v), ["en", "de"]
    )
    max_words: int | None = optional(positive_int())  # leave out longer pairs: more words on either side; null: none
    holdout: int = whole(0)  # evaluate on this many held-out training pairs instead of the validation and test pairs


@dataclass(kw_only=True)
class Marian(Model):
    """transformers' Marian, an encoder and decoder with post-LayerNorm blocks; all embeddings are one matrix."""

    encoder_layers: int = positive_int()
    decoder_layers: int = positive_int()
    heads: int = positive_int()
    width: int = positive_int()
    hidden: int = positive_int()  # units of the feed-forward layers
    context: int = positive_int()  # most tokens of a sentence
    vocab_size: int = rule("an integer from 258 to 65536", lambda v: 258 <= v <= 2**16)  # of the joint BPE
    dropout: float = fraction(0.0)


@dataclass(kw_only=True)
class TranslationRecipe(Recipe):
    """Translation, in steps of about ``tokens_per_step`` target tokens, whatever the number of processes."""

    tokens_per_step: int = positive_int()  # a batch has at most so many source and so many target tokens, padded
    label_smoothing: float = fraction(0.0)  # of the training loss; losses of the evaluation are not smoothed
    eval_every_steps: int | None = optional(positive_int(), 250)
    beams: int = whole(1)  # of the decoding at the end: 1 greedy, 0 none, so no BLEU and no chrF
    length_penalty: float = non_negative(0.6)  # of beam search: scores are divided by length to this power
