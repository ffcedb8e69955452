"""The network of TsSMNet: an autoencoder of 1-D convolutions along the feature axis, with nested and outer residuals.

That the convolutions run across the vector of features, and that it is a residual autoencoder, is of Liu, Y. et al.
(2025, doi:10.3390/rs17223729); channels, kernel and head are ours, the nesting is that of AutoResNet (Li et al. 2018,
arXiv:1812.11262).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from smcore.models.networks.exact import in_float32


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inputs, outputs, 3, padding=1), nn.BatchNorm1d(outputs), nn.ReLU())


def _scale_of(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """A batch norm out of training, as a factor and a summand for each channel."""
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


class _Folded:
    """A convolution and the norms before and behind it as one convolution over maps (B, C, 1, F) of one row.

    What the norm before adds is part of the bias; beyond the ends, where zeros are, it is not due, so what each tap has
    of it is kept (K, C').
    """

    def __init__(self, conv: nn.Module, before: nn.Module | None, behind: nn.Module | None) -> None:
        assert isinstance(conv, nn.Conv1d)
        assert conv.bias is not None
        weight, bias, self.taps = conv.weight, conv.bias, None
        if behind is not None:
            scale, shift = _scale_of(behind)
            weight, bias = weight * scale[:, None, None], bias * scale + shift
        if before is not None:
            scale, shift = _scale_of(before)
            self.taps = torch.einsum("oik,i->ko", weight, shift)
            weight, bias = weight * scale[:, None], bias + self.taps.sum(0)
        self.weight, self.bias = weight[:, :, None].contiguous(memory_format=torch.channels_last), bias

    def __call__(self, x: Tensor) -> Tensor:
        """(B, C, 1, F) → (B, C', 1, F)."""
        margin = self.weight.shape[-1] // 2
        y = conv2d(x, self.weight, self.bias, padding=(0, margin))
        if self.taps is not None and margin:
            y[..., 0, 0] -= self.taps[0]
            y[..., 0, -1] -= self.taps[2]
        return y


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
        self._made: tuple[Any, tuple[list[_Folded], list[_Folded], _Folded]] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """The estimate alone."""
        return self.both(x)[0]

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The estimate (B,), and the vector (B, F) as the decoder gives it back, before the outer residual."""
        plain = self.training or torch.is_grad_enabled()
        again = self._coded_and_back(x) if plain else self._quickly(x)
        return in_float32(self.head, in_float32(self.normal, torch.relu(again + x)))[:, 0], again

    def _coded_and_back(self, x: Tensor) -> Tensor:
        kept, coded = [], x[:, None]
        for block in self.encoder:
            coded = block(coded)
            kept.append(coded)
        coded = self.dropout(coded)
        for block, normal, like in zip(self.decoder, self.merged, kept[-2::-1], strict=True):
            coded = normal(torch.relu(block(coded) + like))
        return self.back(coded)[:, 0]

    def _quickly(self, x: Tensor) -> Tensor:
        """The same without gradients, twice as fast: norms are part of the convolutions before them.

        Vectors lie as maps (B, C, 1, F) of one row, channels last in memory, which the kernels of maps are made for.
        """
        encoder, decoder, back = self._layers()
        kept, coded = [], x[:, None, None].to(memory_format=torch.channels_last)
        for layer in encoder:
            coded = layer(coded).relu_()
            kept.append(coded)
        for layer, like in zip(decoder, kept[-2::-1], strict=True):
            coded = layer(coded).relu_().add_(like)  # the ReLU of this sum is the sum: neither part is below zero
        return back(coded)[:, 0, 0]

    def _layers(self) -> tuple[list[_Folded], list[_Folded], _Folded]:
        """The folded layers; made anew when any weight or statistic has changed."""
        state = [(at.data_ptr(), at._version) for at in (*self.parameters(), *self.buffers())]
        if self._made is None or self._made[0] != state:
            norms: list[nn.Module | None] = [None, *self.merged]
            encoder = [_Folded(block[0], None, block[1]) for block in self._blocks(self.encoder)]
            pairs = zip(self._blocks(self.decoder), norms, strict=False)
            decoder = [_Folded(block[0], norm, block[1]) for block, norm in pairs]
            self._made = state, (encoder, decoder, _Folded(self.back, norms[-1], None))
        return self._made[1]

    @staticmethod
    def _blocks(blocks: nn.ModuleList) -> list[nn.Sequential]:
        return [block for block in blocks if isinstance(block, nn.Sequential)]
