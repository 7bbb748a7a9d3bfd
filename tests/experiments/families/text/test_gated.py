"""Gated MLPs, dropout, and networks without biases: what GoLU's babyGPT and the GLU variants need."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import gem
from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.registry import families
from experiments.families.text.example import TINY_BERT, write_corpus
from experiments.families.text.export import to_transformers, transformers_config
from experiments.families.text.models.build import build_transformer
from experiments.families.text.models.transformer import GatedMLP, make_mlp
from experiments.families.text.schema import Transformer
from tests.experiments.share import Share

CPU = torch.device("cpu")
VOCABULARY = 97


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def transformer(**values: Any) -> Transformer:
    sizes = {"layers": 3, "heads": 4, "width": 32, "context": 16, "vocab_size": VOCABULARY}
    return Transformer(**{"name": "x", "kind": "gpt2"} | sizes | values)


def build(config: Transformer, activation: str = "gelu") -> nn.Module:
    return build_transformer(config, functools.partial(gem.make_activation, activation), VOCABULARY, seed=1)


@pytest.mark.parametrize("width", [96, 128, 384, 768])
@pytest.mark.parametrize("bias", [True, False])
def test_a_gated_mlp_has_the_parameters_of_a_plain_one(width: int, bias: bool) -> None:
    plain, gated = (parameters(make_mlp(kind, width, nn.GELU, bias)) for kind in ("plain", "gated"))
    assert gated == pytest.approx(plain, rel=0.01)


@pytest.mark.parametrize("kind", ["gpt2", "bert"])
def test_so_have_the_networks(kind: str) -> None:
    plain, gated = (parameters(build(transformer(kind=kind, width=128, mlp=mlp))) for mlp in ("plain", "gated"))
    assert gated == pytest.approx(plain, rel=0.01)


def test_it_is_the_formula_of_the_paper() -> None:
    """down(activation(xW) ⊙ xV), with W the first half of ``up`` and V the second."""
    torch.manual_seed(0)
    mlp = GatedMLP(6, 5, functools.partial(gem.make_activation, "silu"), bias=False).double()
    x = torch.randn(3, 6, dtype=torch.float64)
    W, V = mlp.up.weight[:5].T, mlp.up.weight[5:].T
    torch.testing.assert_close(mlp(x), (F.silu(x @ W) * (x @ V)) @ mlp.down.weight.T)


def test_every_gate_is_the_configured_activation() -> None:
    model = build(transformer(mlp="gated"), "egem")
    with gem.count_activations(model) as calls:
        model(torch.zeros(2, 16, dtype=torch.int64))
    assert calls == {(f"blocks.{block}.mlp.activation", "egem"): 1 for block in range(3)}


def test_projections_into_the_residual_stream_begin_small() -> None:
    model = build(transformer(mlp="gated", layers=8, width=64))
    down = torch.cat([block.mlp.down.weight.flatten() for block in model.blocks])  # type: ignore[union-attr, arg-type]
    assert down.std().item() == pytest.approx(0.02 / 4, rel=0.05)


def test_without_biases_it_is_transformers_gpt2_with_biases_of_zero() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformer(bias=False)
    model = build(config)
    assert not any(name.endswith("bias") for name in model.state_dict())
    theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(**transformers_config(config, VOCABULARY, "gelu")))
    missing, unexpected = theirs.load_state_dict(to_transformers("gpt2", model.state_dict()), strict=False)
    assert not unexpected
    assert all(name.endswith(("attn.bias", "masked_bias")) for name in missing)
    tokens = torch.randint(VOCABULARY, (2, 16), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(tokens), theirs.eval()(tokens).logits, rtol=1e-4, atol=1e-5)


def test_dropout_is_where_nanogpt_has_it_and_not_at_evaluation() -> None:
    """After the embeddings, on the attention weights, and on what both parts of a block add."""
    model = build(transformer(dropout=0.5))
    assert sum(isinstance(module, nn.Dropout) for module in model.modules()) == 1 + 3
    assert [block.attention.dropout for block in model.blocks] == [0.5] * 3  # type: ignore[union-attr]
    tokens = torch.zeros(2, 16, dtype=torch.int64)
    assert not torch.equal(model(tokens), model(tokens))
    model.eval()
    assert torch.equal(model(tokens), model(tokens))
    assert torch.equal(model(tokens), build(transformer()).eval()(tokens))


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> list[str]:
    folder = tmp_path_factory.mktemp("text")
    write_corpus(folder / "data" / "reviews")
    (folder / "data" / "gpt2").symlink_to(real_data / "gpt2")
    words = [word.replace("bert_tiny", "babygpt_tiny") for word in TINY_BERT]
    return [*words, f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]


def test_dropout_is_addressed_by_step_and_part(line: list[str]) -> None:
    """The same masks whatever was drawn before, and however many processes share the step."""

    def losses(subject: Any, step: int) -> list[float]:
        return [subject.loss(part).item() for part, _ in subject.parts(subject.batch(step))]

    words = [*line, "model.dropout=0.5", "recipe.accumulate=4"]
    subject = build_task(compose_run(words), CPU)
    first = losses(subject, 1)
    assert len(first) == 4
    assert losses(subject, 2) != first
    assert losses(subject, 1) == first
    shares = [build_task(compose_run(words), CPU, Share(rank, 2)) for rank in range(2)]
    assert [loss for share in shares for loss in losses(share, 1)] == pytest.approx(first, rel=1e-6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("model.mlp=glu", "model.mlp=glu: must be one of plain, gated"),
        ("model.dropout=1", "model.dropout=1.0: must be a number from 0 up to, not including, 1"),
        ("model.dropout=0.1 impl.micro_batch=4", "impl.micro_batch=4: must be null for model=babygpt_tiny"),
        ("model.dropout=0.1 recipe.accumulate=3", "recipe.accumulate=3: must divide 16, the sequences of a step"),
        ("recipe.accumulate=3", "recipe.accumulate=3: must divide 16, the sequences of a step in this process"),
        ("model.kind=bert model.dropout=0.1", "model.dropout=0.1: must be 0.0 for a model of kind bert"),
        ("model.kind=bert model.bias=false", "model.bias=False: must be True for a model of kind bert"),
    ],
)
def test_what_does_not_fit_is_refused(line: list[str], words: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_task(compose_run([*line, *words.split()]), CPU)


def test_a_gated_network_cannot_be_exported(tmp_path: Path) -> None:
    config = compose_run(["dataset=imdb", "model=babygpt_tiny", "model.mlp=gated"])
    with pytest.raises(UserError, match=r"model.mlp=gated: must be plain to be exported; no library has such a gpt2"):
        families()["text"].export(config, {}, tmp_path)
