"""ResNet: a plain residual network on a window of maps, a baseline that keeps the resolution.

He, K., Zhang, X., Ren, S., Sun, J. (2016): Deep residual learning for image recognition, CVPR, 770–778,
doi:10.1109/CVPR.2016.90. Zhou et al. (2025, arXiv:2510.10244) name it beside PSCNet without settings; OURS: eight
blocks of 64 channels on the steps of the window and the statics stacked as channels, loss and training as PSCNet's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from smcore.models.base import SoilMoistureModel
from smcore.models.images.model import ImageModel
from smcore.models.images.training import Channels, ImageConfig, ImageNetwork, stacked
from smcore.models.input_sets import baseline_spec
from smcore.models.networks.exact import in_float32
from smcore.models.networks.pscnet import keep, on_maps


@dataclass(frozen=True)
class Config(ImageConfig):
    """Channels and residual blocks, and how the network is trained."""

    hidden: int = 64
    blocks: int = 8


CONFIGS = {
    "pscnet": Config(),
    "pscnet_demo": Config(epochs=12, most_steps=25, batch=4),
    "smsnet": Config(),
}


class Block(nn.Module):
    """conv 3×3 → BN → ReLU → conv 3×3 → BN, added to what came in, ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_first = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_second = nn.BatchNorm2d(width)

    def forward(self, z: Tensor, present: Tensor | None) -> Tensor:
        """(B, H, W, D) → the same shape; ``z`` is zero where cells are missing."""
        inner = keep(relu(on_maps(self.norm_first, on_maps(self.first, z))), present)
        return keep(relu(z + on_maps(self.norm_second, on_maps(self.second, inner))), present)


class Network(ImageNetwork):
    """Convolution, residual blocks, convolution."""

    def __init__(self, channels: Channels, config: Config) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels.steps * channels.dynamic + channels.static, config.hidden, 3, padding=1)
        self.blocks = nn.ModuleList(Block(config.hidden) for _ in range(config.blocks))
        self.last = nn.Conv2d(config.hidden, 1, 3, padding=1)

    def forward(self, window: Tensor, static: Tensor, present: Tensor | None) -> Tensor:
        """Windows (B, L, H, W, C), static (B, H, W, S), present (B, H, W, 1) or None for all cells → (B, H, W)."""
        z = keep(relu(on_maps(self.first, keep(stacked(window, static), present))), present)
        for block in self.blocks:
            z = block(z, present)
        return in_float32(self.last, z.permute(0, 3, 1, 2))[:, 0]


def reach(config: Config) -> int:
    """How many cells to each side a value rests on: one for each convolution."""
    with torch.device("meta"):
        network = Network(Channels(1, 1, 1), config)
    return sum(m.kernel_size[0] // 2 for m in network.modules() if isinstance(m, nn.Conv2d))


SPEC = baseline_spec(
    "resnet",
    "ResNet (residual network on stacked steps)",
    "He, K., Zhang, X., Ren, S., Sun, J. (2016): CVPR, 770–778",
    "pscnet",
    doi="10.1109/CVPR.2016.90",
    halo=reach(Config()),
    configs=tuple(CONFIGS),
)


def _network(channels: Channels, config: Any) -> ImageNetwork:
    return Network(channels, config)


def build(config: str = "pscnet") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    own = baseline_spec(SPEC.id, SPEC.title, SPEC.citation, config.removesuffix("_demo"), configs=SPEC.configs)
    spec = replace(own, doi=SPEC.doi, halo=reach(CONFIGS[config]))
    return ImageModel(spec, CONFIGS[config], _network, paper=CONFIGS["pscnet"])
