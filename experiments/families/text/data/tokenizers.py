"""The two tokenizers: GPT-2's byte-level BPE, and a WordPiece vocabulary trained from the corpus."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from experiments.errors import UserError
from experiments.families.text.data.documents import Corpus
from experiments.files import write_atomic

# Checksums of GPT-2's two files, as tiktoken checks them.
GPT2_FILES = {
    "vocab.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "merges.txt": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
ALPHABET = 1000  # the trainer's own limit
TRAINING_DOCUMENTS = 50_000  # of the training split, for a WordPiece vocabulary


class Tokenizer:
    """Strings to token ids below 65,536. ``end`` follows every document; ``hash`` identifies vocabulary and rules."""

    def __init__(self, name: str, inner: Any, end: int) -> None:
        self.name, self.inner, self.end = name, inner, end
        self.size: int = inner.get_vocab_size()
        if self.size > 2**16:
            raise UserError(f"tokenizer {name}: {self.size} tokens; must be at most 65536, the range of a uint16")
        self.hash = hashlib.sha256(inner.to_str().encode()).hexdigest()[:16]

    def encode(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.inner.encode_batch(texts, add_special_tokens=False)]


def library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise UserError(
            "language models need the tokenizers package: pip install tokenizers (the extra 'text')"
        ) from error
    return tokenizers


def gpt2(data_dir: Path) -> Tokenizer:
    """GPT-2's from ``<data_dir>/gpt2/vocab.json`` and ``merges.txt``, checked by sha256; else from the hub."""
    tokenizers, folder = library(), data_dir / "gpt2"
    if (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
        for name, expected in GPT2_FILES.items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
                raise UserError(f"{folder / name}: not GPT-2's file (its sha256 differs)")
        inner = tokenizers.ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
        inner.add_special_tokens(["<|endoftext|>"])
        return Tokenizer("gpt2", inner, inner.token_to_id("<|endoftext|>"))
    try:
        inner = tokenizers.Tokenizer.from_pretrained("openai-community/gpt2")
    except Exception as error:  # the hub's client raises many types
        raise UserError(
            f"{folder / 'vocab.json'}: missing, and GPT-2's vocabulary cannot be downloaded from the hub; "
            f"put vocab.json and merges.txt there"
        ) from error
    return Tokenizer("gpt2", inner, inner.token_to_id("<|endoftext|>"))


def wordpiece(corpus: Corpus, size: int, path: Path) -> Tokenizer:
    """Lower-case WordPiece of ``size`` tokens, trained on the first training documents and kept in ``path``.

    The trainer numbers inner characters (##a) in an order that changes from run to run, and breaks ties by these
    numbers. So it receives them in a fixed order, as if they were special tokens.
    """
    tokenizers = library()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            trained = tokenizers.BertWordPieceTokenizer(lowercase=True)
            inner = [f"##{character}" for character in inner_characters(trained, corpus)]
            trained.train_from_iterator(
                training_texts(corpus), vocab_size=size, special_tokens=SPECIAL + inner, show_progress=False
            )
            if trained.get_vocab_size() < size:
                raise UserError(
                    f"model.vocab_size={size}: this corpus yields only {trained.get_vocab_size()} WordPiece tokens; "
                    f"give at most that many"
                )
            plain = tokenizers.BertWordPieceTokenizer(vocab=trained.get_vocab(), lowercase=True)
            write_atomic(path, plain.to_str().encode())
    return Tokenizer("wordpiece", tokenizers.Tokenizer.from_str(path.read_text()), SEP)


def inner_characters(tokenizer: Any, corpus: Corpus) -> list[str]:
    """The inner characters of words in the training texts, at most ``ALPHABET``, in order."""
    counts: Counter[str] = Counter()
    for text in training_texts(corpus):
        words = tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalize(text))
        counts.update("".join(word[1:] for word, _ in words))
    return sorted(sorted(counts, key=lambda character: (-counts[character], character))[:ALPHABET])


def training_texts(corpus: Corpus) -> Iterator[str]:
    pieces = (piece.text for piece in corpus.pieces(0) if piece.split == "train")
    return itertools.islice(pieces, TRAINING_DOCUMENTS)
