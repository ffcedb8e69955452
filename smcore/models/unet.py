"""U-Net: an encoder and decoder with bridges on a window of maps, a baseline.

Ronneberger, O., Fischer, P., Brox, T. (2015): U-Net, MICCAI, LNCS 9351, 234–241, doi:10.1007/978-3-319-24574-4_28. Zhou
et al. (2025, arXiv:2510.10244) name it beside PSCNet without settings; OURS: 32-64-128-256 channels, padded
convolutions with BN, loss and training as PSCNet's. Pooling lies on a lattice of 8 cells from the corner of the whole
grid, so that a cell gets the same value from any window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from smcore.models.base import SoilMoistureModel
from smcore.models.images.model import ImageModel
from smcore.models.images.training import Channels, ImageConfig, ImageNetwork, stacked
from smcore.models.input_sets import baseline_spec
from smcore.models.networks.exact import in_float32
from smcore.models.networks.pscnet import keep, on_maps


@dataclass(frozen=True)
class Config(ImageConfig):
    """Channels of each level, the finest first, and how the network is trained."""

    widths: tuple[int, ...] = (32, 64, 128, 256)


CONFIGS = {
    "pscnet": Config(),
    "pscnet_demo": Config(epochs=12, most_steps=40, batch=4),
    "smsnet": Config(),
}


class Level(nn.Module):
    """Twice conv 3×3 → BN → ReLU."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.norm_first = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_second = nn.BatchNorm2d(width)

    def forward(self, z: Tensor, present: Tensor | None) -> Tensor:
        """(B, H, W, C) → (B, H, W, D)."""
        z = keep(relu(on_maps(self.norm_first, on_maps(self.first, keep(z, present)))), present)
        return keep(relu(on_maps(self.norm_second, on_maps(self.second, z))), present)


class Network(ImageNetwork):
    """Down by maxima of 2×2 cells, up by transposed convolutions of 2×2, each level joined to its counterpart."""

    def __init__(self, channels: Channels, config: Config) -> None:
        super().__init__()
        widths = config.widths
        entering = [channels.steps * channels.dynamic + channels.static, *widths[:-1]]
        self.down = nn.ModuleList(Level(c, w) for c, w in zip(entering, widths, strict=True))
        pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.widen = nn.ModuleList(nn.ConvTranspose2d(deep, fine, 2, stride=2) for deep, fine in pairs)
        self.up = nn.ModuleList(Level(2 * fine, fine) for _, fine in pairs)
        self.last = nn.Linear(widths[0], 1)

    def forward(self, window: Tensor, static: Tensor, present: Tensor | None) -> Tensor:
        """Windows (B, L, H, W, C), static (B, H, W, S), present (B, H, W, 1) or None for all cells → (B, H, W)."""
        z, masks, bridges = stacked(window, static), [present], []
        for number, level in enumerate(self.down):
            if number:
                z = max_pool2d(z.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
                masks.append(_coarser(masks[-1]))
            z = level(z, masks[-1])
            bridges.append(z)
        for widen, level in zip(self.widen, self.up, strict=True):
            bridges.pop()
            masks.pop()
            z = level(torch.cat([bridges[-1], on_maps(widen, z)], dim=-1), masks[-1])
        return in_float32(self.last, z)[..., 0]


def _coarser(present: Tensor | None) -> Tensor | None:
    """Whether any of 2×2 cells is there."""
    if present is None:
        return None
    return max_pool2d(present.permute(0, 3, 1, 2).float(), 2).permute(0, 2, 3, 1) > 0


def lattice(config: Config) -> int:
    """Cells along one side of the coarsest level's cells."""
    return int(2 ** (len(config.widths) - 1))


def reach(config: Config) -> int:
    """How many cells to each side a value can rest on, in whole cells of the coarsest level.

    Two cells of each level on the way down and up, and up to a lattice cell less one where pooling joins a cell with
    those beside it.
    """
    sides = [2**k for k in range(len(config.widths))]
    cells = 2 * sum(sides) + 2 * sum(sides[:-1]) + sides[-1] - 1
    return -(-cells // sides[-1]) * sides[-1]


SPEC = baseline_spec(
    "unet",
    "U-Net (encoder and decoder on stacked steps)",
    "Ronneberger, O., Fischer, P., Brox, T. (2015): MICCAI, LNCS 9351, 234–241",
    "pscnet",
    doi="10.1007/978-3-319-24574-4_28",
    patch=lattice(Config()),
    halo=reach(Config()),
    configs=tuple(CONFIGS),
)


def _network(channels: Channels, config: Any) -> ImageNetwork:
    return Network(channels, config)


def build(config: str = "pscnet") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    chosen = CONFIGS[config]
    own = baseline_spec(
        SPEC.id, SPEC.title, SPEC.citation, config.removesuffix("_demo"), doi=SPEC.doi, configs=SPEC.configs
    )
    spec = replace(own, doi=SPEC.doi, patch=lattice(chosen), halo=reach(chosen))
    return ImageModel(spec, chosen, _network, paper=CONFIGS["pscnet"])
