"""Mixed precision: bf16 for products and convolutions, float32 where a processor's bf16 kernel is slow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

SHORT = 256  # keys; from 512 on the CPU's bf16 kernel is the faster one


@contextlib.contextmanager
def autocast(device: torch.device, bf16: bool) -> Iterator[None]:
    """Autocast to bf16 if ``bf16``, else nothing. On a CPU, attention over short sequences stays in float32."""
    short = float32_attention() if bf16 and device.type == "cpu" else contextlib.nullcontext()
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16), short:
        yield


@contextlib.contextmanager
def float32_attention() -> Iterator[None]:
    """Compute ``F.scaled_dot_product_attention`` over at most ``SHORT`` keys in float32, for every library's calls.

    The backward pass of torch's bf16 kernel for CPUs is slow there, see results/LOG.md of 2026-11-30. Results are bf16.
    """
    fused = F.scaled_dot_product_attention

    def attention(
        query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *args: Any, **options: Any
    ) -> Tensor:
        if key.shape[-2] > SHORT:
            return fused(query, key, value, attn_mask, *args, **options)
        mask = attn_mask.float() if attn_mask is not None and attn_mask.is_floating_point() else attn_mask
        with torch.autocast(query.device.type, enabled=False):
            mixed = fused(query.float(), key.float(), value.float(), mask, *args, **options)
        return mixed.to(torch.bfloat16)

    F.scaled_dot_product_attention = attention
    try:
        yield
    finally:
        F.scaled_dot_product_attention = fused
