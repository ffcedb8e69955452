"""The network of AutoResNet (Li, L. et al. 2018, arXiv:1812.11262), written from its description."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from smcore.models.networks.exact import in_float32


class _Dense(nn.Module):
    """Dense → ReLU → batch normalisation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.normal = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) → (B, outputs)."""
        return self.normal(torch.relu(self.linear(x)))


class AutoResNetNetwork(nn.Module):
    """Scaled features (B, F) → scaled soil moisture (B,)."""

    def __init__(self, features: int, nodes: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        mirrored = nodes[::-1]
        self.encoder = nn.ModuleList(_Dense(a, b) for a, b in zip((features, *nodes), nodes, strict=False))
        self.dropout = nn.Dropout(dropout)
        self.decoder = nn.ModuleList(_Dense(a, b) for a, b in pairwise(mirrored))
        self.merged = nn.ModuleList(nn.BatchNorm1d(b) for b in mirrored[1:])
        self.back = nn.Linear(nodes[0], features)
        self.normal = nn.BatchNorm1d(features)
        self.last = nn.Linear(features, 1)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """The estimate (B,)."""
        kept, coded = [], x
        for layer in self.encoder:
            coded = layer(coded)
            kept.append(coded)
        coded = self.dropout(coded)
        for layer, normal, like in zip(self.decoder, self.merged, kept[-2::-1], strict=True):
            coded = normal(torch.relu(layer(coded) + like))
        return in_float32(self.last, in_float32(self.normal, torch.relu(self.back(coded) + x)))[:, 0]
