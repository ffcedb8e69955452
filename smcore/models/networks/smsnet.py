"""The network of SMSNet (Liu, Xin, Yin 2025, J. Hydrology 655, 132900), written from its description.

Five days of an 8 × 8 tile become 4 patches × 5 days of tokens; a Transformer whose attention is divided into time, then
space, reads them; a chain of convolutions reads the statics; two linear layers join both at every cell. 2 018 642
parameters with the two encoder layers tied, as released (the same layer stands there twice), 2 808 914 untied.

Same result as the published arithmetic, arranged otherwise: the 20 tokens of a tile are one sequence, and masks divide
the attention into time and space; the decoder, whose output has length 1, runs once; only the channel that is kept is
computed.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from smcore.models.networks.exact import in_float32

PATCH = 4
_CHAIN = (16, 32, 64, 32, 16, 1)  # channels of the static branch


def patchify(tiles: Tensor, patch: int = PATCH) -> Tensor:
    """(B, T, C, h, w) → (B, S, T, C·patch·patch): patches row by row, their content channel by channel."""
    count, steps, channels, height, width = tiles.shape
    rows, columns = height // patch, width // patch
    parts = tiles.reshape(count, steps, channels, rows, patch, columns, patch)
    return parts.permute(0, 3, 5, 1, 2, 4, 6).reshape(count, rows * columns, steps, channels * patch * patch)


def unpatchify(values: Tensor, rows: int, patch: int = PATCH) -> Tensor:
    """(B, S, patch·patch) of one channel → (B, rows·patch, …)."""
    parts = values.reshape(len(values), rows, -1, patch, patch)
    return parts.permute(0, 1, 3, 2, 4).reshape(len(values), rows * patch, -1)


def sinusoid(length: int, width: int) -> Tensor:
    """(length, width) position code of Vaswani et al. (2017): sines at even, cosines at odd places."""
    angle = torch.arange(length)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(length, width)


class Attention(nn.Module):
    """Multi-head attention among the tokens that ``mask`` lets see each other; dropout on the probabilities."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.heads, self.dropout = heads, dropout

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """(B, L, E) looks at (B, M, E); ``mask`` (L, M) is True where a token may look."""
        q, k, v = (
            layer(of).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, of in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        share = self.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=share)
        return self.out(seen.transpose(1, 2).flatten(2))


class Divided(nn.Module):
    """Attention over time, whose result attends over space; nothing is added in between."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.time, self.space = Attention(width, heads, dropout), Attention(width, heads, dropout)

    def forward(self, x: Tensor, time: Tensor, space: Tensor) -> Tensor:
        """(B, L, E) → (B, L, E)."""
        x = self.time(x, x, time)
        return self.space(x, x, space)


class Encoder(nn.Module):
    """Divided attention, then two linear layers; each with dropout, a residual and a norm behind it."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Divided(width, heads, dropout)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, time: Tensor, space: Tensor) -> Tensor:
        """(B, L, E) → (B, L, E)."""
        x = self.norms[0](x + self.drop(self.attention(x, time, space)))
        return self.norms[1](x + self.drop(self.narrow(torch.relu(self.wide(x)))))


class Decoder(nn.Module):
    """The same with attention to the encoder's tokens of the same patch in between."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Divided(width, heads, dropout)
        self.cross = Attention(width, heads, dropout)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, time: Tensor, space: Tensor, same: Tensor) -> Tensor:
        """(B, S, E) and (B, S·T, E) → (B, S, E)."""
        x = self.norms[0](x + self.drop(self.attention(x, time, space)))
        x = self.norms[1](x + self.drop(self.cross(x, memory, same)))
        return self.norms[2](x + self.drop(self.narrow(torch.relu(self.wide(x)))))


class Embedding(nn.Module):
    """Linear, plus a fixed code of the day and a learned one of the patch, normed."""

    def __init__(self, features: int, width: int, patches: int, steps: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(features, width), nn.LayerNorm(width)
        self.place = nn.Embedding(patches, width)
        self.register_buffer("day", sinusoid(steps, width), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, S, T, F) → (B, S·T, E)."""
        code = self.place.weight[:, None] + self.get_buffer("day")[: tokens.shape[2]]
        return self.norm(self.linear(tokens) + code).flatten(1, 2)


class Network(nn.Module):
    """(B, T, C, h, w) dynamic and (B, S, h, w) static inputs → (B, h, w) [m3 m-3].

    Parameters
    ----------
    steps, dynamic, static
        Days and channels.
    size
        Cells along one side of a tile.
    hidden, heads, layers, dropout
        Width of the tokens, heads of attention, encoder layers, share dropped in training.
    tie_encoder_layers
        Whether all encoder layers are one and the same, as released.
    static_act
        ``none`` (as released) or ``relu`` between the convolutions of the static branch.
    query_target_day
        Whether the decoder asks with the day itself, not with the earliest day (as released).
    """

    def __init__(
        self,
        steps: int,
        dynamic: int,
        static: int,
        size: int = 8,
        *,
        hidden: int = 256,
        heads: int = 8,
        layers: int = 2,
        dropout: float = 0.1,
        tie_encoder_layers: bool = True,
        static_act: str = "none",
        query_target_day: bool = False,
    ) -> None:
        super().__init__()
        self.rows, self.query_step = size // PATCH, 0 if query_target_day else steps - 1
        patches, features = self.rows**2, dynamic * PATCH**2
        self.source = Embedding(features, hidden, patches, steps)
        self.target = Embedding(features, hidden, patches, 1)
        own = 1 if tie_encoder_layers else layers
        self.layers = nn.ModuleList(Encoder(hidden, heads, dropout) for _ in range(own))
        self.repeats = layers // own
        self.decoder = Decoder(hidden, heads, dropout)
        self.fold = nn.Linear(hidden, features)
        self.chain = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise((static, *_CHAIN)))
        self.rectified = static_act == "relu"
        self.joint, self.last = nn.Linear(2, 64), nn.Linear(64, 1)
        self._divide(patches, steps)

    def _divide(self, patches: int, steps: int) -> None:
        """Masks: tokens of one patch see each other in time, those of one day in space."""
        patch = torch.arange(patches).repeat_interleave(steps)
        day = torch.arange(steps).repeat(patches)
        own = torch.arange(patches)
        masks = {
            "time": patch[:, None] == patch,
            "space": day[:, None] == day,
            "own_time": own[:, None] == own,
            "own_space": torch.ones(patches, patches, dtype=torch.bool),
            "same_patch": own[:, None] == patch,
        }
        for name, mask in masks.items():
            self.register_buffer(f"mask_{name}", mask, persistent=False)

    def _mask(self, name: str) -> Tensor:
        return self.get_buffer(f"mask_{name}")

    def prepare(self, static: Tensor) -> Tensor:
        """(B, S, h, w) → (B, h, w): the static branch, the same on every day."""
        for number, layer in enumerate(self.chain):
            static = layer(static)
            if self.rectified and number < len(self.chain) - 1:
                static = torch.relu(static)
        return static[:, 0]

    def forward(self, dynamic: Tensor, prepared: Tensor) -> Tensor:
        """Scaled tiles and the prepared statics → soil moisture; day 0 is the day itself, the last one the earliest."""
        tokens = patchify(dynamic)
        memory = self.source(tokens)
        for _ in range(self.repeats):
            for layer in self.layers:
                memory = layer(memory, self._mask("time"), self._mask("space"))
        query = self.target(tokens[:, :, self.query_step, None])
        masks = (self._mask(name) for name in ("own_time", "own_space", "same_patch"))
        query = self.decoder(query, memory, *masks)
        kept = PATCH**2  # the cells of channel 0 come first
        own = in_float32(lambda x: functional.linear(x, self.fold.weight[:kept], self.fold.bias[:kept]), query)
        both = torch.stack([unpatchify(own, self.rows), prepared], -1)
        return in_float32(self.last, in_float32(self.joint, both))[..., 0]
