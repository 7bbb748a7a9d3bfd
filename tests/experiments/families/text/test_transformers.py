"""Our GPT-2 and BERT beside transformers': same weights in, same logits and gradients out; and back to disk."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gem
from experiments.config.compose import compose_run
from experiments.families.text.export import to_transformers, transformers_config, write_pretrained
from experiments.families.text.models.build import build_transformer
from experiments.families.text.schema import Transformer

transformers = pytest.importorskip("transformers")
VOCABULARY = 97


def ours(kind: str, activation: str = "gelu") -> tuple[Transformer, nn.Module]:
    config = Transformer(name="x", kind=kind, layers=3, heads=4, width=32, context=16, vocab_size=VOCABULARY)
    model = build_transformer(config, functools.partial(gem.make_activation, activation), VOCABULARY, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():  # biases and LayerNorms away from 0 and 1, so that a swap shows
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    return config, model.double()


def theirs(config: Transformer, state: dict[str, Tensor], activation: str = "gelu") -> Any:
    values = transformers_config(config, VOCABULARY, activation)
    kind = transformers.GPT2LMHeadModel if config.kind == "gpt2" else transformers.BertForMaskedLM
    model = kind(kind.config_class(**values)).double().eval()
    missing, unexpected = model.load_state_dict(to_transformers(config.kind, state), strict=False)
    assert not unexpected
    assert all(name.endswith(("attn.bias", "masked_bias", "position_ids")) for name in missing), missing
    return model


@pytest.mark.parametrize("kind", ["gpt2", "bert"])
def test_logits_and_gradients_are_those_of_transformers(kind: str) -> None:
    config, model = ours(kind)
    peer = theirs(config, model.state_dict())
    # Token 0 is transformers' padding, whose embedding it gives no gradient.
    tokens = torch.randint(1, VOCABULARY, (5, 16), generator=torch.Generator().manual_seed(2))
    positions = torch.tensor([[1, 4, 15]] * 5)
    expected = peer(tokens).logits
    if kind == "bert":
        expected = expected.gather(1, positions[..., None].expand(-1, -1, VOCABULARY))
    logits = model(tokens, positions) if kind == "bert" else model(tokens)
    torch.testing.assert_close(logits, expected, rtol=1e-9, atol=1e-10)
    weights = torch.randn(logits.shape, dtype=torch.float64)
    (logits * weights).sum().backward()
    (expected * weights).sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert len(gradients) == len(list(model.parameters()))
    known = dict(peer.named_parameters())
    for name, gradient in to_transformers(kind, {k: v for k, v in gradients.items() if k != "segment"}).items():
        if name in known:
            torch.testing.assert_close(known[name].grad, gradient, rtol=1e-8, atol=1e-9, msg=name)


@pytest.mark.parametrize("kind", ["gpt2", "bert"])
def test_from_pretrained_loads_what_was_exported(kind: str, tmp_path: Path) -> None:
    gem.register_with_transformers("egem_n2_eps1e-2")
    config, model = ours(kind, "gelu")
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.GELU):
                setattr(module, name, gem.EGEM(N=2, eps=1e-2))
    model = model.float().eval()
    write_pretrained(tmp_path, config, VOCABULARY, "egem_n2_eps1e-2", model.state_dict())
    kind_class = transformers.GPT2LMHeadModel if kind == "gpt2" else transformers.BertForMaskedLM
    loaded = kind_class.from_pretrained(tmp_path).eval()
    tokens = torch.randint(VOCABULARY, (2, 16))
    everywhere = torch.arange(16).expand(2, 16)
    logits = model(tokens, everywhere) if kind == "bert" else model(tokens)
    torch.testing.assert_close(loaded(tokens).logits, logits, rtol=1e-4, atol=1e-5)


def test_gpt2_124m_has_its_parameters() -> None:
    config = compose_run(["dataset=openwebtext", "model=gpt2"])
    with torch.device("meta"):
        parts = config.model
        from experiments.families.text.models.gpt2 import GPT2

        model = GPT2(parts.vocab_size, parts.context, parts.layers, parts.heads, parts.width, nn.GELU)
    assert sum(p.numel() for p in model.parameters()) == 124_439_808


@pytest.mark.parametrize("activation", ["gelu", "golu", "gem", "segem", "silu"])
def test_the_mlp_keeps_no_more_than_with_relu(activation: str) -> None:
    """Storages kept for the backward pass of a whole model, in eager mode."""

    def kept(name: str) -> int:
        _, model = ours("gpt2", name)
        sizes: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = model(torch.randint(VOCABULARY, (4, 16))).sum()
        own = {p.untyped_storage().data_ptr() for p in model.parameters()}
        del loss
        return sum(size for address, size in sizes.items() if address not in own)

    assert kept(activation) <= kept("relu")


@pytest.mark.parametrize("activation", ["gelu", "golu", "gem"])
def test_recomputing_the_activation_changes_no_gradient(activation: str) -> None:
    _, model = ours("gpt2", activation)
    tokens = torch.randint(VOCABULARY, (4, 16), generator=torch.Generator().manual_seed(3))

    def gradients() -> list[Tensor]:
        model.zero_grad()
        model(tokens).square().sum().backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    recomputed = gradients()
    for module in model.modules():
        if hasattr(module, "keeps_output"):
            module.keeps_output = True
    for one, other in zip(recomputed, gradients(), strict=True):
        assert torch.equal(one, other)
