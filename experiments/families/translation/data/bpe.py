"""One byte-level BPE for both languages (Sennrich et al. 2016, arXiv 1508.07909), trained on the training pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from experiments.errors import UserError
from experiments.families.text.data.tokenizers import library
from experiments.families.translation.data.corpus import Pair

SPECIAL = ["<pad>", "</s>"]
PAD, END = range(2)


def train_bpe(pairs: Iterable[Pair], size: int) -> Any:
    """A tokenizer of ``size`` tokens: padding, end of sentence, 256 bytes, merges.

    Bytes can represent any text, so no token is unknown. Raises UserError if the pairs yield fewer tokens.
    """
    tokenizers = library()
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.normalizer = tokenizers.normalizers.NFC()
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.post_processor = tokenizers.processors.TemplateProcessing("$A </s>", "$A $B", [("</s>", END)])
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(texts(pairs), trainer)
    if made.get_vocab_size() < size:
        raise UserError(
            f"model.vocab_size={size}: these pairs yield only {made.get_vocab_size()} tokens; give at most that many"
        )
    return made


def texts(pairs: Iterable[Pair]) -> Iterator[str]:
    for pair in pairs:
        yield from pair


def decode(tokenizer: Any, ids: list[list[int]]) -> list[str]:
    """Strings of token ids, each up to its end of sentence."""
    cut = [row[: row.index(END)] if END in row else row for row in ids]
    return [text.strip() for text in tokenizer.decode_batch(cut, skip_special_tokens=True)]
