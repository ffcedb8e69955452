"""ViT: a vision Transformer on a window of maps, a baseline.

Dosovitskiy, A. et al. (2021): An image is worth 16×16 words, ICLR, arXiv:2010.11929; the head that shuffles channels
into pixels is that of Shi, W. et al. (2016): CVPR, 1874–1883, doi:10.1109/CVPR.2016.207. Zhou et al. (2025,
arXiv:2510.10244) name ViT beside PSCNet without settings; OURS: tokens of 4×4 cells, dimension 192, depth 6, 6 heads,
loss and training as PSCNet's, and attention within squares of 32×32 cells that lie on a lattice from the corner of the
whole grid, so that a cell gets the same value from any window and memory grows with the area only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pixel_shuffle, pixel_unshuffle, scaled_dot_product_attention

from smcore.models.base import SoilMoistureModel
from smcore.models.images.model import ImageModel
from smcore.models.images.training import Channels, ImageConfig, ImageNetwork, stacked
from smcore.models.input_sets import baseline_spec
from smcore.models.networks.exact import in_float32
from smcore.models.networks.pscnet import keep


@dataclass(frozen=True)
class Config(ImageConfig):
    """Sizes of the network, and how it is trained.

    Parameters
    ----------
    token, square
        Cells along one side of a token, and of the square within which tokens attend to each other.
    width, depth, heads
        Dimension of a token, layers, attention heads.
    """

    token: int = 4
    square: int = 32
    width: int = 192
    depth: int = 6
    heads: int = 6


CONFIGS = {
    "pscnet": Config(),
    "pscnet_demo": Config(epochs=12, most_steps=40, batch=4),
    "smsnet": Config(),
}


class Layer(nn.Module):
    """Self-attention and feed-forward network, each on normalised tokens and added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.norm_channels = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, z: Tensor) -> Tensor:
        """(B, tokens, D) → the same shape."""
        asked = self.ask(self.norm_attention(z)).unflatten(-1, (3, self.heads, -1))
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        found = scaled_dot_product_attention(query, key, value)
        z = z + self.answer(found.transpose(1, 2).flatten(2))
        return z + self.narrow(gelu(self.widen(self.norm_channels(z))))


class Network(ImageNetwork):
    """Tokens by rearranging cells (no strided convolution), layers within each square, cells by rearranging back."""

    def __init__(self, channels: Channels, config: Config) -> None:
        super().__init__()
        self.token, self.side = config.token, config.square // config.token
        entering = channels.steps * channels.dynamic + channels.static
        self.enter = nn.Linear(entering * config.token**2, config.width)
        self.place = nn.Parameter(torch.zeros(self.side**2, config.width).normal_(std=0.02))
        self.layers = nn.ModuleList(Layer(config.width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.leave = nn.Linear(config.width, config.token**2)

    def forward(self, window: Tensor, static: Tensor, present: Tensor | None) -> Tensor:
        """Windows (B, L, H, W, C), static (B, H, W, S), present (B, H, W, 1) or None for all cells → (B, H, W)."""
        cells = keep(stacked(window, static), present).permute(0, 3, 1, 2)
        tokens = self.enter(pixel_unshuffle(cells, self.token).permute(0, 2, 3, 1))
        count, rows, columns = tokens.shape[:3]
        squares = tokens.unflatten(2, (-1, self.side)).unflatten(1, (-1, self.side)).transpose(2, 3)
        z = squares.flatten(0, 2).flatten(1, 2) + self.place
        for layer in self.layers:
            z = layer(z)
        values = in_float32(self.leave, self.norm(z)).unflatten(1, (self.side, self.side))
        grid = values.unflatten(0, (count, rows // self.side, columns // self.side)).transpose(2, 3)
        return pixel_shuffle(grid.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2), self.token)[:, 0]


SPEC = baseline_spec(
    "vit",
    "ViT (vision Transformer on stacked steps)",
    "Dosovitskiy, A. et al. (2021): ICLR, arXiv:2010.11929",
    "pscnet",
    doi="10.48550/arXiv.2010.11929",
    patch=Config().square,
    configs=tuple(CONFIGS),
)


def _network(channels: Channels, config: Any) -> ImageNetwork:
    return Network(channels, config)


def build(config: str = "pscnet") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    own = baseline_spec(
        SPEC.id, SPEC.title, SPEC.citation, config.removesuffix("_demo"), doi=SPEC.doi, configs=SPEC.configs
    )
    spec = replace(own, doi=SPEC.doi, patch=CONFIGS[config].square)
    return ImageModel(spec, CONFIGS[config], _network, paper=CONFIGS["pscnet"])
