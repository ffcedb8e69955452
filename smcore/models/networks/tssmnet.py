"""The network of TsSMNet: an autoencoder of 1-D convolutions along the feature axis, with nested and outer residuals.

That the convolutions run across the vector of features, and that it is a residual autoencoder, is of Liu, Y. et al.
(2025, doi:10.3390/rs17223729); channels, kernel and head are ours, the nesting is that of AutoResNet (Li et al. 2018,
arXiv:1812.11262).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inputs, outputs, 3, padding=1), nn.BatchNorm1d(outputs), nn.ReLU())


class TsSMNetNetwork(nn.Module):
    """Scaled features (B, F) → scaled soil moisture (B,).

    Parameters
    ----------
    features
        F, related ones side by side.
    channels
        Of the encoder's blocks, the last one being the code; the decoder mirrors them.
    head
        Units of the dense layer before the result.
    dropout
        Share of the code that is dropped in training.
    """

    def __init__(self, features: int, channels: tuple[int, ...], head: int, dropout: float) -> None:
        super().__init__()
        mirrored = channels[::-1]
        self.encoder = nn.ModuleList(_block(a, b) for a, b in zip((1, *channels), channels, strict=False))
        self.dropout = nn.Dropout(dropout)
        self.decoder = nn.ModuleList(_block(a, b) for a, b in pairwise(mirrored))
        self.merged = nn.ModuleList(nn.BatchNorm1d(b) for b in mirrored[1:])
        self.back = nn.Conv1d(channels[0], 1, 1)
        self.normal = nn.BatchNorm1d(features)
        self.head = nn.Sequential(nn.Linear(features, head), nn.ReLU(), nn.Linear(head, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The estimate alone."""
        return self.both(x)[0]

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The estimate (B,), and the vector (B, F) as the decoder gives it back, before the outer residual."""
        kept, coded = [], x[:, None]
        for block in self.encoder:
            coded = block(coded)
            kept.append(coded)
        coded = self.dropout(coded)
        for block, normal, like in zip(self.decoder, self.merged, kept[-2::-1], strict=True):
            coded = normal(torch.relu(block(coded) + like))
        again = self.back(coded)[:, 0]
        return self.head(self.normal(torch.relu(again + x)))[:, 0], again
