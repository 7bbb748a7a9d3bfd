"""Text to tokens, once: documents → tokenizer → shards on disk → blocks of a training."""

from experiments.data.text.prepare import prepare_tokens
from experiments.data.text.tokens import Tokens

__all__ = ["Tokens", "prepare_tokens"]
