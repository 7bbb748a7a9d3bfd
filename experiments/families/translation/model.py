"""transformers' Marian from scratch, with the configured activation in every place."""

from __future__ import annotations

from typing import Any

from torch import nn

import gem
from experiments.activations.build import MakeActivation
from experiments.errors import UserError
from experiments.families.translation.data.bpe import END, PAD
from experiments.families.translation.schema import Marian
from experiments.randomness import global_stream


def build_marian(config: Marian, activation: MakeActivation, seed: int) -> Any:
    """``MarianMTModel`` initialised by transformers: weights N(0, 1/width), biases 0, sinusoidal positions.

    Embeddings are multiplied by √width, so that they have variance 1 (Vaswani et al. 2017, arXiv 1706.03762).
    """
    library = transformers()
    with global_stream(seed, "init"):
        model = library.MarianMTModel(library.MarianConfig(**marian_settings(config)))
    return gem.replace_activations(model, nn.ReLU, activation)


def marian_settings(config: Marian, activation: str = "relu") -> dict[str, Any]:
    """The arguments of ``MarianConfig``; ``activation`` is a name of transformers' ACT2FN."""
    return {
        "vocab_size": config.vocab_size,
        "d_model": config.width,
        "encoder_layers": config.encoder_layers,
        "decoder_layers": config.decoder_layers,
        "encoder_attention_heads": config.heads,
        "decoder_attention_heads": config.heads,
        "encoder_ffn_dim": config.hidden,
        "decoder_ffn_dim": config.hidden,
        "max_position_embeddings": config.context,
        "dropout": config.dropout,
        "activation_function": activation,
        "init_std": config.width**-0.5,
        "scale_embedding": True,
        "pad_token_id": PAD,
        "eos_token_id": END,
        "forced_eos_token_id": None,
        "decoder_start_token_id": PAD,
    }


def transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise UserError("translation needs the transformers package: pip install transformers") from error
    return transformers
