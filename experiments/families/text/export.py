"""Exports a trained language model in the form that transformers' ``from_pretrained`` loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from experiments.activations.transformers_names import activation_name, lines_for
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.pretrained import save_pretrained
from experiments.families.text.data.prepare import prepare_tokens
from experiments.families.text.data.tokens import Tokens
from experiments.families.text.schema import TextDataset, Transformer
from experiments.files import write_atomic, write_json

IDS = "token_ids.json"

# Our names → theirs, for parts of a name; ``{}`` is the number of the block.
GPT2_NAMES = {
    "tokens.weight": "transformer.wte.weight",
    "positions.weight": "transformer.wpe.weight",
    "ln.": "transformer.ln_f.",
    "ln1.": "transformer.h.{}.ln_1.",
    "attention.qkv.": "transformer.h.{}.attn.c_attn.",
    "attention.out.": "transformer.h.{}.attn.c_proj.",
    "ln2.": "transformer.h.{}.ln_2.",
    "mlp.up.": "transformer.h.{}.mlp.c_fc.",
    "mlp.down.": "transformer.h.{}.mlp.c_proj.",
}
BERT_NAMES = {
    "tokens.weight": "bert.embeddings.word_embeddings.weight",
    "positions.weight": "bert.embeddings.position_embeddings.weight",
    "ln.": "bert.embeddings.LayerNorm.",
    "attention.out.": "bert.encoder.layer.{}.attention.output.dense.",
    "ln1.": "bert.encoder.layer.{}.attention.output.LayerNorm.",
    "mlp.up.": "bert.encoder.layer.{}.intermediate.dense.",
    "mlp.down.": "bert.encoder.layer.{}.output.dense.",
    "ln2.": "bert.encoder.layer.{}.output.LayerNorm.",
    "transform.": "cls.predictions.transform.dense.",
    "ln_head.": "cls.predictions.transform.LayerNorm.",
}


def to_transformers(kind: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of our GPT-2 or BERT (``state_dict()``) under the names of GPT2LMHeadModel or BertForMaskedLM.

    transformers transposes GPT-2's linear weights, and separates BERT's query, key and value. Raises ValueError for
    weights of the activation (``learnable=True``), which have no name there.
    """
    names = GPT2_NAMES if kind == "gpt2" else BERT_NAMES
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        block, _, rest = name.removeprefix("blocks.").partition(".") if name.startswith("blocks.") else ("", "", name)
        if kind == "bert" and rest.startswith("attention.qkv."):
            parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
            own = rest.rpartition(".")[2]
            out |= {f"bert.encoder.layer.{block}.attention.self.{part}.{own}": chunk.clone() for part, chunk in parts}
        elif name == "segment":
            out["bert.embeddings.token_type_embeddings.weight"] = value.expand(2, -1).clone()
        elif name == "bias":
            out["cls.predictions.bias"] = out["cls.predictions.decoder.bias"] = value
        else:
            prefix = next((prefix for prefix in names if rest.startswith(prefix)), None)
            if prefix is None:
                raise ValueError(f"{name}: has no place in transformers' model")
            theirs = names[prefix].format(block) + rest.removeprefix(prefix)
            transposed = kind == "gpt2" and ".h." in theirs and value.ndim == 2
            out[theirs] = value.t().contiguous() if transposed else value
    if kind == "gpt2":
        out |= zero_biases(out)
    tied = "lm_head.weight" if kind == "gpt2" else "cls.predictions.decoder.weight"
    out[tied] = out[names["tokens.weight"]]
    return out


def zero_biases(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Zeros for the biases that a GPT-2 without biases lacks, because transformers' model always has them."""
    lacking = {
        f"{name.removesuffix('weight')}bias": value
        for name, value in weights.items()
        if name.endswith(".weight") and (".h." in name or ".ln_f." in name)
    }
    return {name: value.new_zeros(value.shape[-1]) for name, value in lacking.items() if name not in weights}


def transformers_config(model: Transformer, vocabulary: int, activation: str) -> dict[str, Any]:
    """``config.json`` for ``model``; ``activation`` is a name of transformers' ACT2FN."""
    if model.kind == "gpt2":
        return {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "vocab_size": vocabulary,
            "n_positions": model.context,
            "n_embd": model.width,
            "n_layer": model.layers,
            "n_head": model.heads,
            "activation_function": activation,
            **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), model.dropout),
        }
    return {
        "model_type": "bert",
        "architectures": ["BertForMaskedLM"],
        "vocab_size": vocabulary,
        "max_position_embeddings": model.context,
        "hidden_size": model.width,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "intermediate_size": 4 * model.width,
        "hidden_act": activation,
        **dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), 0.0),
    }


def write_pretrained(
    folder: Path, model: Transformer, vocabulary: int, activation: str, state: dict[str, Tensor]
) -> None:
    """Write ``config.json`` and ``model.safetensors``."""
    save_pretrained(folder, transformers_config(model, vocabulary, activation), to_transformers(model.kind, state))


def export_run(config: Config, state: Mapping[str, Any], out: Path) -> list[str]:
    """Export the model of a run, and the files that convert text to its tokens and back. Returns lines for the user.

    ``tokenizer.json`` is the tokenizer of the corpus. A model with fewer tokens has its own vocabulary:
    ``token_ids.json`` lists the tokenizer's id of each of the model's tokens. The last one stands for all others.
    """
    dataset, model = config.dataset, config.model
    assert isinstance(dataset, TextDataset)
    assert isinstance(model, Transformer)
    if model.mlp != "plain":
        raise UserError(f"model.mlp={model.mlp}: must be plain to be exported; no library has such a {model.kind}")
    name = activation_name(config.activation)
    write_pretrained(out, model, len(state["tokens.weight"]), name, dict(state))
    lines = lines_for(name)
    try:
        tokens = prepare_tokens(dataset, model, config.data_dir, config.cache_dir)
    except UserError as error:
        return [*lines, f"without its tokenizer, as the corpus is not here: {error}"]
    return lines + write_tokenizer(out, tokens, model.vocab_size)


def write_tokenizer(folder: Path, tokens: Tokens, vocab_size: int) -> list[str]:
    write_atomic(folder / "tokenizer.json", tokens.tokenizer.inner.to_str().encode())
    table = tokens.vocabulary_map(vocab_size)
    if table is None:
        return ["text to tokens and back: tokenizers.Tokenizer.from_file('tokenizer.json')"]
    ids = [-1] * vocab_size
    for theirs, ours in enumerate(table.tolist()):
        if ours < vocab_size - 1:
            ids[ours] = theirs
    write_json(folder / IDS, ids)
    return [f"its token i is token {IDS}[i] of tokenizer.json, -1 stands for all that it does not know"]
