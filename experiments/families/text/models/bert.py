"""BERT (Devlin et al. 2018, arXiv 1810.04805) with the masked-token head: post-LayerNorm blocks, tied embeddings."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from experiments.families.text.models.transformer import SelfAttention, init_normal, make_mlp

EPS = 1e-12  # of BERT's LayerNorms


class Block(nn.Module):
    """LN(x + attention(x)), then LN(x + MLP(x))."""

    def __init__(self, width: int, heads: int, activation: Callable[[], nn.Module], mlp: str) -> None:
        super().__init__()
        self.attention = SelfAttention(width, heads, causal=False)
        self.ln1 = nn.LayerNorm(width, EPS)
        self.mlp = make_mlp(mlp, width, activation)
        self.ln2 = nn.LayerNorm(width, EPS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.ln1(x + self.attention(x))
        out: Tensor = self.ln2(x + self.mlp(x))
        return out


class BERT(nn.Module):
    """Tokens int64 [B, T] and positions int64 [B, k] → logits [B, k, vocab_size] at these positions only.

    The head is Linear, activation, LayerNorm, then the embedding's weights with a bias of its own. There is one segment
    (token type 0 throughout), no pooler, no next-sentence prediction and no dropout.
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
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(context, width)
        self.segment = nn.Parameter(torch.zeros(width))
        self.ln = nn.LayerNorm(width, EPS)
        self.blocks = nn.ModuleList(Block(width, heads, activation, mlp) for _ in range(layers))
        self.transform = nn.Linear(width, width)
        self.activation = activation()
        self.ln_head = nn.LayerNorm(width, EPS)
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        x = self.ln(self.tokens(tokens) + self.segment + self.positions.weight[: tokens.shape[1]])
        for block in self.blocks:
            x = block(x)
        chosen = x.gather(1, positions[..., None].expand(-1, -1, x.shape[-1]))
        return F.linear(self.ln_head(self.activation(self.transform(chosen))), self.tokens.weight, self.bias)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw weights from N(0, 0.02²)."""
        init_normal(self, 0.02, generator)
        nn.init.normal_(self.segment, 0.0, 0.02, generator=generator)
