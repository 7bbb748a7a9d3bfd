"""Modules common to GPT-2 and BERT: self-attention, and the MLP with the activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class SelfAttention(nn.Module):
    """Multi-head attention over [B, T, width], causal or over all positions; softmax(QKᵀ/√(width/heads))V.

    ``dropout`` applies to the attention weights.
    """

    def __init__(self, width: int, heads: int, causal: bool, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        self.heads, self.causal, self.dropout = heads, causal, dropout
        self.qkv = nn.Linear(width, 3 * width, bias)
        self.out = nn.Linear(width, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=self.causal)
        mixed: Tensor = self.out(y.transpose(1, 2).reshape(batch, length, width))
        return mixed


class MLP(nn.Module):
    """Linear to ``hidden``, activation, Linear back. Eager training keeps one tensor of ``hidden`` units per token."""

    def __init__(self, width: int, hidden: int, activation: Callable[[], nn.Module], bias: bool = True) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden, bias)
        self.activation = activation()
        self.down = nn.Linear(hidden, width, bias)
        self.keeps_output = isinstance(self.activation, nn.ReLU)  # its gradient uses the output, which ``down`` keeps

    def forward(self, x: Tensor) -> Tensor:
        h = self.up(x)
        if self.keeps_output or torch.compiler.is_compiling() or not torch.is_grad_enabled():
            out: Tensor = self.down(self.activation(h))
            return out
        return linear_after(self.activation, h, self.down)


class GatedMLP(nn.Module):
    """down(activation(Wx) · Vx): SwiGLU with SiLU, GEGLU with GELU, ReGLU with ReLU. Shazeer 2020, arXiv 2002.05202."""

    def __init__(self, width: int, hidden: int, activation: Callable[[], nn.Module], bias: bool = True) -> None:
        super().__init__()
        self.up = nn.Linear(width, 2 * hidden, bias)  # W and V in one matrix
        self.activation = activation()
        self.down = nn.Linear(hidden, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.up(x).chunk(2, -1)
        out: Tensor = self.down(self.activation(gate) * value)
        return out


def make_mlp(kind: str, width: int, activation: Callable[[], nn.Module], bias: bool = True) -> MLP | GatedMLP:
    """A plain MLP of 4·width hidden units, or a gated one with 2/3 of them, as it has three matrices instead of two."""
    if kind == "gated":
        return GatedMLP(width, round(8 * width / 3), activation, bias)
    return MLP(width, 4 * width, activation, bias)


def linear_after(activation: Callable[[Tensor], Tensor], h: Tensor, linear: nn.Linear) -> Tensor:
    """``linear(activation(h))``, keeping only ``h`` for the backward pass, which recomputes the activation.

    The gate needs its input for the gradient, and the linear layer needs the activation's output. Keeping both takes
    twice the memory of ReLU, where the output serves both. One more elementwise pass is cheaper.
    """
    a = activation(h)
    storage, count = a.untyped_storage(), a.numel()  # fake tensors have no address

    def pack(saved: Tensor) -> Any:
        return saved.shape if saved.untyped_storage() is storage and saved.numel() == count else saved

    def unpack(packed: Any) -> Tensor:
        return activation(h.detach()).view(packed) if isinstance(packed, torch.Size) else packed

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        out: Tensor = linear(a)
    return out


def init_normal(module: nn.Module, sd: float, generator: torch.Generator) -> None:
    """GPT-2's and BERT's initialisation: weights N(0, sd²), biases 0, LayerNorm 1 and 0."""
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Embedding)):
            nn.init.normal_(part.weight, 0.0, sd, generator=generator)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
