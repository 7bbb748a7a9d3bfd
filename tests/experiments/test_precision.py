"""Attention in bf16 on a CPU: short sequences in float32, long ones by torch's own kernel."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from experiments.precision import SHORT, autocast

CPU = torch.device("cpu")


def draw(length: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, length, 8, requires_grad=True) for _ in range(3))
    return q, k, v


@pytest.mark.parametrize("causal", [False, True])
def test_short_sequences_are_attended_to_in_float32(causal: bool) -> None:
    q, k, v = draw(17)
    plain = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    with autocast(CPU, bf16=True):
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    assert mixed.dtype == torch.bfloat16
    assert torch.equal(mixed, plain.to(torch.bfloat16))
    ours, theirs = (torch.autograd.grad(y.float().sum(), (q, k, v)) for y in (mixed, plain))
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other)


def test_masks_are_cast_or_kept() -> None:
    q, k, v = draw(5)
    allowed = torch.rand(5, 5) < 0.7
    allowed[:, 0] = True
    added = torch.zeros(5, 5, dtype=torch.bfloat16).masked_fill(~allowed, float("-inf"))
    plain = F.scaled_dot_product_attention(q, k, v, allowed)
    with autocast(CPU, bf16=True):
        for mask in (allowed, added):
            assert torch.equal(F.scaled_dot_product_attention(q, k, v, attn_mask=mask), plain.to(torch.bfloat16))


def test_long_sequences_and_float32_are_left_alone() -> None:
    fused = F.scaled_dot_product_attention
    q, k, v = draw(SHORT + 1)
    with torch.autocast("cpu", torch.bfloat16):
        theirs = fused(q, k, v)
    with autocast(CPU, bf16=True):
        assert torch.equal(F.scaled_dot_product_attention(q, k, v), theirs)
        assert F.scaled_dot_product_attention is not fused
    with autocast(CPU, bf16=False):
        assert F.scaled_dot_product_attention is fused
        assert F.scaled_dot_product_attention(q, k, v).dtype == torch.float32
    with pytest.raises(KeyError), autocast(CPU, bf16=True):
        raise KeyError
    assert F.scaled_dot_product_attention is fused
