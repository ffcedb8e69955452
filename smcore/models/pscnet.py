"""PSCNet: progressive separable space-time network, from coarse satellite maps to 3-hourly 0.1° maps.

Zhou, Hu, Zhang, Xue, Fang, Zheng (2025), arXiv:2510.10244. Published: the task (SMAP as target, ERA5-Land as predictors
of high time resolution, seamless 3-hourly 10 km maps), and by the captions of its figures a temporal part (MFTF) apart
from a spatial one made of stage blocks with SE convolutional layers, a bespoke SE block and feed-forward networks.
OURS, because neither text nor code was at hand: the inside of every part (:mod:`smcore.models.networks.pscnet`), the
sizes (64 channels, kernels 3-5-7-9 in four stages of 2-2-4-2 blocks, about half a million parameters), the predictor
list and the loss (:mod:`smcore.models.images.targets`). Resolution stays constant, so that 10 km detail survives.

Configurations: ``paper`` is that proposal at full length; ``demo`` is narrower and shorter; ``no_swvl`` leaves out the
soil moisture of the reanalysis (inference from forcing rather than correction of a model); ``plain_se`` has plain
squeeze-and-excitation over pictures of 64×64 cells; ``dilated`` has dilations instead of averages in the temporal part;
``resampled`` is trained on SMAP copied to the fine cells. ``demo_no_swvl`` is ``no_swvl`` as short as ``demo``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from smcore.models.base import SoilMoistureModel
from smcore.models.images.model import ImageModel
from smcore.models.images.training import Channels, ImageConfig, ImageNetwork
from smcore.models.input_sets import PSCNET
from smcore.models.networks.exact import in_float32, widened
from smcore.models.networks.pscnet import StageBlock, TemporalFusion, keep
from smcore.models.networks.rim import NONE, Rim, Spare, beyond, without
from smcore.models.spec import ModelSpec

MODEL_SM = ("swvl1", "swvl2")
_PICTURE = 64  # cells along one side of what plain squeeze-and-excitation takes the mean of, without the halo
_PIXELS = 24_000  # pixels · steps that the temporal part takes at once when predicting


@dataclass(frozen=True)
class Config(ImageConfig):
    """Sizes of the network, and how it is trained.

    Parameters
    ----------
    hidden
        Channels.
    depths, kernels
        Blocks of each stage, and the side of their convolutions.
    window, reduction
        Of the SE block; window 0: the whole picture.
    dilated
        Dilations instead of averages in the temporal part.
    model_sm
        Whether the soil moisture of the reanalysis is an input.
    """

    hidden: int = 64
    depths: tuple[int, ...] = (2, 2, 4, 2)
    kernels: tuple[int, ...] = (3, 5, 7, 9)
    window: int = 7
    reduction: int = 4
    dilated: bool = False
    model_sm: bool = True


_PAPER = Config()
_DEMO = Config(epochs=24, most_steps=80, batch=4, hidden=24, depths=(1, 1, 2, 1))
CONFIGS = {
    "paper": _PAPER,
    "demo": _DEMO,
    "no_swvl": replace(_PAPER, model_sm=False),
    "plain_se": replace(_PAPER, window=0),
    "dilated": replace(_PAPER, dilated=True),
    "resampled": replace(_PAPER, loss="resampled"),
    "demo_no_swvl": replace(_DEMO, model_sm=False),
}


class Stage(nn.Module):
    """Blocks with one kernel; ``reach`` is that of all of them together."""

    def __init__(self, width: int, depth: int, kernel: int, config: Config) -> None:
        super().__init__()
        blocks = [StageBlock(width, kernel, config.window, config.reduction) for _ in range(depth)]
        self.blocks = nn.ModuleList(blocks)
        self.reaches = [block.reach for block in blocks]
        self.reach = sum(self.reaches)

    def forward(self, z: Tensor, present: Tensor | None, rim: Rim) -> tuple[Tensor, Tensor | None]:
        """(B, H, W, D) without the cells that nothing rests on any more, and ``present`` of the same."""
        for block, reach in zip(self.blocks, self.reaches, strict=True):
            shed = rim.passed(reach)
            z, present = without(block(z, present), shed), None if present is None else without(present, shed)
        return z, present


class Network(ImageNetwork):
    """Temporal part for each pixel, statics, four stages at constant resolution, one value a cell.

    ``reach`` is how many cells to each side a value rests on.
    """

    def __init__(self, channels: Channels, config: Config) -> None:
        super().__init__()
        width = config.hidden
        self.first = nn.Linear(channels.dynamic, width)
        self.temporal = TemporalFusion(width, dilated=config.dilated)
        self.join = nn.Linear(width + channels.static, width)
        sizes = zip(config.depths, config.kernels, strict=True)
        stages = [Stage(width, depth, kernel, config) for depth, kernel in sizes]
        self.stages = nn.ModuleList(stages)
        self.reach = sum(stage.reach for stage in stages) + 1
        self.gather = nn.Linear(width * len(config.depths), width)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def embed(self, x: Tensor) -> Tensor:
        """One step alone: the linear layer before the temporal part, which neighbouring windows share."""
        return self.first(x)

    def forward(self, window: Tensor, static: Tensor, present: Tensor | None) -> Tensor:
        """Embedded (B, L, H, W, D), static (B, H, W, S), present (B, H, W, 1) or None for all cells → (B, H, W)."""
        return self.inner(window, static, present, NONE)

    def inner(self, window: Tensor, static: Tensor, present: Tensor | None, spare: Spare) -> Tensor:
        """The same without the spare cells; after each block, those fall away that nothing wanted rests on."""
        z = widened(self.join(torch.cat([self._sum_up(window), static], dim=-1)))  # so that what blocks add stays exact
        rim, found = Rim(spare, self.reach), []
        for stage in self.stages:
            z, present = stage(z, present, rim)
            found.append((z, rim.spare))
        same = [without(one, beyond(there, rim.spare)) for one, there in found]
        z = keep(self.gather(torch.cat(same, dim=-1)), present)
        return without(in_float32(self.last, z.permute(0, 3, 1, 2))[:, 0], rim.spare)

    def _sum_up(self, window: Tensor) -> Tensor:
        """The temporal part (B, H, W, D); in pieces where no gradient is kept, for the sake of memory."""
        pixels = window.flatten(2, 3)
        size = pixels.shape[2] if self.training else max(1, _PIXELS // (pixels.shape[0] * pixels.shape[1]))
        parts = [self.temporal(piece) for piece in pixels.split(size, dim=2)]
        return torch.cat(parts, dim=1).unflatten(1, window.shape[2:4])


def reach(config: Config) -> int:
    """:attr:`Network.reach` of a configuration, taken from its layers (which take no memory here)."""
    with torch.device("meta"):
        return Network(Channels(8, 1, 1), config).reach


SPEC = ModelSpec(
    id="pscnet",
    title="PSCNet (separable space-time network, 3-hourly maps from coarse satellite cells)",
    inputs=PSCNET.inputs,
    citation="Zhou, Hu, Zhang, Xue, Fang, Zheng (2025): arXiv:2510.10244",
    doi="10.48550/arXiv.2510.10244",
    step=PSCNET.step,
    history=PSCNET.history,
    halo=reach(_PAPER),
    configs=tuple(CONFIGS),
)


def _network(channels: Channels, config: Any) -> ImageNetwork:
    return Network(channels, config)


def build(config: str = "paper") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    chosen = CONFIGS[config]
    inputs = tuple(i for i in SPEC.inputs if chosen.model_sm or i.name not in MODEL_SM)
    alone = chosen.window == 0
    spec = replace(SPEC, inputs=inputs, halo=reach(chosen), patch=_PICTURE if alone else 1)
    return ImageModel(spec, chosen, _network, paper=_PAPER, alone=alone)
