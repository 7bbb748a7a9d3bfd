"""GPT-2 (Radford et al. 2019): a causal transformer with pre-LayerNorm blocks and tied embeddings."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from experiments.families.text.models.transformer import SelfAttention, init_normal, make_mlp


class Block(nn.Module):
    """x + attention(LN(x)), then x + MLP(LN(x)); dropout on both summands."""

    def __init__(
        self, width: int, heads: int, activation: Callable[[], nn.Module], mlp: str, dropout: float, bias: bool
    ) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(width, bias=bias)
        self.attention = SelfAttention(width, heads, causal=True, dropout=dropout, bias=bias)
        self.ln2 = nn.LayerNorm(width, bias=bias)
        self.mlp = make_mlp(mlp, width, activation, bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.ln1(x)))
        out: Tensor = x + self.dropout(self.mlp(self.ln2(x)))
        return out


class GPT2(nn.Module):
    """Tokens int64 [B, T] with T ≤ context → logits [B, T, vocab_size]; the output weights are the embedding's.

    124,439,808 parameters at 12 layers, 12 heads, width 768, context 1024, vocabulary 50,257.
    """

    def __init__(
        self,
        vocab_size: int,
        context: int,
        layers: int,
        heads: int,
        width: int,
        activation: Callable[[], nn.Module],
        mlp: str = "plain",
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, activation, mlp, dropout, bias) for _ in range(layers))
        self.ln = nn.LayerNorm(width, bias=bias)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.dropout(self.tokens(tokens) + self.positions.weight[: tokens.shape[1]])
        for block in self.blocks:
            x = block(x)
        return F.linear(self.ln(x), self.tokens.weight)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw weights from N(0, 0.02²), and scale the projections into the residual stream by 1/√(2·layers)."""
        init_normal(self, 0.02, generator)
        for block in self.blocks:
            assert isinstance(block, Block)
            for layer in (block.attention.out, block.mlp.down):
                nn.init.normal_(layer.weight, 0.0, 0.02 / math.sqrt(2 * len(self.blocks)), generator=generator)
