"""A Transformer whose tokens are features (attention: Vaswani et al. 2017, arXiv:1706.03762); sizes are ours."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from smcore.models.networks.exact import in_float32


class _Layer(nn.Module):
    """Attention and two dense layers, each normalised before and added to its input."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dense = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, width) → the same."""
        batch, tokens, width = x.shape
        mixed = self.mix(self.before(x)).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(batch, tokens, width)
        x = x + self.dropout(self.out(seen))
        return x + self.dropout(self.dense(self.between(x)))


class FeatureTransformer(nn.Module):
    """Scaled features (B, F) → scaled soil moisture (B,)."""

    def __init__(self, features: int, width: int, depth: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.randn(features, width) / width**0.5)
        self.start = nn.Parameter(torch.randn(features, width) / width**0.5)
        self.layers = nn.ModuleList(_Layer(width, heads, hidden, dropout) for _ in range(depth))
        self.normal = nn.LayerNorm(width)
        self.last = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The estimate (B,)."""
        tokens = x[..., None] * self.direction + self.start
        for layer in self.layers:
            tokens = layer(tokens)
        return in_float32(self.last, in_float32(self.normal, tokens.mean(dim=1)))[:, 0]
