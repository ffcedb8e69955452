"""A convolutional network on the tiles of SMSNet: the baseline of Liu, Xin, Yin (2025, J. Hydrology 655, 132900).

The paper names it without details, so sizes are ours: 8 static channels and 10 dynamic ones on 5 days, stacked to 58;
3 × 3 convolutions to 64, 128, 128 and 64 channels, each with batch norm and ReLU; a 1 × 1 convolution to soil moisture.
Tiles, scaling, tilings and optimiser are SMSNet's; ``smsnet`` trains for a short time, ``smsnet_paper`` by SMSNet's
published schedule.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from smcore.models.base import SoilMoistureModel
from smcore.models.input_sets import baseline_spec
from smcore.models.networks.exact import in_float32
from smcore.models.tiles.fit import BEFORE, SHORT, SIZE, TileSchedule
from smcore.models.tiles.model import TileModel
from smcore.models.tiles.scaling import DYNAMIC, STATIC

SPEC = replace(
    baseline_spec(
        "cnn",
        "Convolutional network on tiles",
        "baseline of Liu, Y., Xin, Y., Yin, C. (2025): Journal of Hydrology 655, 132900; sizes are ours",
        "smsnet",
        doi="10.1016/j.jhydrol.2025.132900",
        patch=SIZE,
        halo=SIZE,
        configs=("smsnet", "smsnet_paper"),
    ),
    min_history=BEFORE,
)
_WIDTHS = (64, 128, 128, 64)

CONFIGS = {
    "smsnet": replace(SHORT, batch=64, epochs=6, most_steps=150, rate=1e-3),
    "smsnet_paper": TileSchedule(),
}


class Network(nn.Module):
    """(B, L, C, h, w) and (B, S, h, w) → (B, h, w) [m3 m-3]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((channels, *_WIDTHS)):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.last = nn.Conv2d(_WIDTHS[-1], 1, 1)

    def prepare(self, static: Tensor) -> Tensor:
        """The statics as they are."""
        return static

    def forward(self, dynamic: Tensor, prepared: Tensor) -> Tensor:
        """All channels of all days stacked, statics first."""
        stacked = torch.cat([prepared, dynamic.flatten(1, 2)], 1).contiguous(memory_format=torch.channels_last)
        return in_float32(self.last, self.body(stacked))[:, 0]


def network(config: TileSchedule) -> Network:
    """The network; its sizes are the same in every configuration."""
    del config
    return Network(len(STATIC) + (BEFORE + 1) * len(DYNAMIC))


def build(config: str = "smsnet") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    return TileModel(SPEC, CONFIGS[config], CONFIGS["smsnet_paper"], network)
