"""The networks of DrcGAN: forward fusion G, backward degeneration H, and their discriminators.

Known of the method is its shape: a residual cycle of a forward fusion part and a backward degeneration part (Jiang,
Shen, Li 2022, doi:10.1109/TGRS.2022.3188998; Jiang et al. 2025, doi:10.1016/j.jag.2025.104517). Layers, widths and
padding are our proposal: residual blocks without batch norm for G and H, patch discriminators with spectral norm (Isola
et al. 2017, arXiv:1611.07004; Miyato et al. 2018, arXiv:1802.05957). The last layer of G and of H begins at zero, so
that training starts from the guess B and from the identity; their first layers see the channels as differences, for
levels alone learn slowly. Soil moisture is divided by 0.6 m³ m⁻³, ages by 15 days.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad
from torch.nn.utils.parametrizations import spectral_norm

from smcore.models.networks.exact import in_float32
from smcore.models.networks.rim import NONE, Rim, Spare, without

SCALE = 0.6
"""Soil moisture [m3 m-3] that counts as one."""

AGE = 15.0
"""Age [days] that counts as one."""

_GUESS = (0.02 / SCALE, 0.6 / SCALE)
_RESULT = (0.0, 0.65 / SCALE)
_MIDDLE, _LEVEL, _CONTRAST = 0.4, 5.0, 10.0  # bring soil moisture and its differences to about one
_POOL = 50  # fakes kept for the discriminators
_ROWS = 2  # axis of maps (B, C, H, W)


def channels(causal: bool) -> int:
    """Channels before the statics: the model, a triple for each side, sine and cosine of the day of year."""
    return 1 + 3 * (1 if causal else 2) + 2


def reach(blocks: int) -> int:
    """Cells on each side that one cell of G's result rests on: every convolution of 3 × 3 adds one."""
    return 2 * blocks + 3


class _Conv3(nn.Module):
    """3 × 3 convolution; beyond the edge the nearest cells count on, round the globe those of the other side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3)

    def forward(self, x: Tensor, wraps: bool) -> Tensor:
        """(B, C, H, W) → (B, C', H, W)."""
        x = pad(x, (1, 1, 0, 0), mode="circular" if wraps else "replicate")
        return self.conv(pad(x, (0, 0, 1, 1), mode="replicate"))


class _Block(nn.Module):
    """x + 0.1 · conv(ReLU(conv(x))), then the land mask."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _Conv3(width, width)
        self.second = _Conv3(width, width)

    def forward(self, x: Tensor, land: Tensor, wraps: bool) -> Tensor:
        return (x + 0.1 * self.second(torch.relu(self.first(x, wraps)), wraps)) * land


class Body(nn.Module):
    """Convolution, residual blocks, convolution, long skip from the first map, convolution to one channel."""

    def __init__(self, inputs: int, width: int, blocks: int) -> None:
        super().__init__()
        self.first = _Conv3(inputs, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.after = _Conv3(width, width)
        self.last = _Conv3(width, 1)
        for weight in self.last.parameters():
            nn.init.zeros_(weight)

    def forward(self, x: Tensor, land: Tensor, wraps: bool, spare: Spare = NONE) -> Tensor:
        """(B, C, H, W), land (B, 1, H, W) of 0 and 1 → (B, 1, H, W), as wide as land also where products are not.

        Without the spare cells: behind each layer, those fall away that nothing wanted rests on.
        """
        rim, wide = Rim(spare, reach(len(self.blocks))), land.dtype
        begin = torch.relu(self.first(x, wraps))
        land = land if self.training else land.to(begin.dtype)  # else every product would be widened again
        begin = begin * land
        hidden, begin, land = _shed(rim, 1, begin, begin, land)
        for block in self.blocks:
            hidden, begin, land = _shed(rim, 2, block(hidden, land, wraps), begin, land)
        hidden, begin, land = _shed(rim, 1, self.after(hidden, wraps) * land, begin, land)
        return without(in_float32(lambda z: self.last(z, wraps), hidden + begin), rim.spare, _ROWS).to(wide)


def _shed(rim: Rim, reach: int, *maps: Tensor) -> list[Tensor]:
    """Maps (B, C, H, W) behind a layer of this reach, without the cells that are needed no more."""
    gone = rim.passed(reach)
    return [without(one, gone, _ROWS) for one in maps]


class Generator(nn.Module):
    """G: F = clip(B + ΔF), with the temporal-transfer guess B; 1 224 449 parameters with 9 channels.

    Parameters
    ----------
    statics
        Static channels behind the :func:`channels` of the gap.
    """

    def __init__(self, width: int, blocks: int, statics: int = 0, *, causal: bool = False) -> None:
        super().__init__()
        self.sides = 1 if causal else 2
        self.body = Body(channels(causal) + statics, width, blocks)

    def guess(self, x: Tensor) -> Tensor:
        """B of channels (B, C, H, W): (B, 1, H, W), as :func:`smcore.models.series.gap_neighbours.guess`."""
        now, moved, total = x[:, :1], torch.zeros_like(x[:, :1]), torch.zeros_like(x[:, :1])
        for side in range(self.sides):
            sm, noah, age = (x[:, 1 + 3 * side + k : 2 + 3 * side + k] for k in range(3))
            weight = 1 / (1 + AGE * age)
            moved, total = moved + weight * (sm + now - noah), total + weight
        return (moved / total).clamp(*_GUESS)

    def contrasts(self, x: Tensor, land: Tensor) -> Tensor:
        """The same channels in another basis, where each is about one: N, and for each side S − N' and N − N'."""
        now = x[:, :1]
        parts = [_LEVEL * (now - _MIDDLE)]
        for side in range(self.sides):
            sm, noah, age = (x[:, 1 + 3 * side + k : 2 + 3 * side + k] for k in range(3))
            parts += [_CONTRAST * (sm - noah), _CONTRAST * (now - noah), age]
        return torch.cat([*parts, x[:, 1 + 3 * self.sides :]], dim=1) * land

    def forward(self, x: Tensor, land: Tensor, wraps: bool = False, spare: Spare = NONE) -> Tensor:
        """Channels (B, C, H, W), 0 where missing, and land (B, 1, H, W) → F (B, 1, H, W) without spare cells.

        0 off the land. Round the globe no column is spare.
        """
        more = self.body(self.contrasts(x, land), land, wraps, spare)
        return (self.guess(without(x, spare, _ROWS)) + more).clamp(*_RESULT) * without(land, spare, _ROWS)


class Degeneration(nn.Module):
    """H: the land-surface model regenerated from the fused map, N̂ = F + ΔN."""

    def __init__(self, width: int, blocks: int, *, causal: bool = False) -> None:
        super().__init__()
        sides = 1 if causal else 2
        self.models = [2 + 3 * side for side in range(sides)]
        self.seasons = slice(1 + 3 * sides, 3 + 3 * sides)
        self.body = Body(1 + sides + 2, width, blocks)

    def forward(self, fused: Tensor, x: Tensor, land: Tensor) -> Tensor:
        """F (B, 1, H, W) and the channels that G saw → N̂ (B, 1, H, W); of those only model neighbours and season."""
        around = _CONTRAST * (fused - x[:, self.models])
        seen = torch.cat([_LEVEL * (fused - _MIDDLE), around, x[:, self.seasons]], dim=1)
        return (fused + self.body(seen * land, land, False)) * land


class Discriminator(nn.Module):
    """Judge of patches: a map of marks, each of 34 × 34 cells; 660 929 parameters with a width of 64."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        sizes = [(1, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 1), (4 * width, 1, 1)]
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, stride=s, padding=1)) for a, b, s in sizes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, H, W) → (B, 1, h, w); instance norm except in the first and last layer."""
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if 0 < number < len(self.layers) - 1:
                x = nn.functional.instance_norm(x)
            if number < len(self.layers) - 1:
                x = leaky_relu(x, 0.2)
        return x.float()


class ReplayPool(nn.Module):
    """The last fakes that a discriminator saw (Shrivastava et al. 2017, arXiv:1612.07828); buffers, so it resumes."""

    kept: Tensor
    count: Tensor

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(_POOL, 1, *size))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def exchange(self, fakes: Tensor, rng: np.random.Generator) -> Tensor:
        """Keep new fakes (B, 1, H, W); once full, give an old one instead of every other, which takes its place."""
        shown = []
        for fake in fakes:
            if int(self.count) < _POOL:
                self.kept[int(self.count)] = fake
                self.count += 1
            elif rng.random() < 0.5:
                place = int(rng.integers(_POOL))
                shown.append(self.kept[place].clone())
                self.kept[place] = fake
                continue
            shown.append(fake)
        return torch.stack(shown)


class Networks(nn.Module):
    """All that is trained together, as one module, so that a checkpoint holds it whole; only ``average`` is shipped.

    Parameters
    ----------
    generator
        G; ``average`` follows it as an exponential moving average.
    degeneration
        H.
    judge
        Width of the discriminators.
    patch
        Height and width of the fakes that are kept.
    """

    def __init__(self, generator: Generator, degeneration: Degeneration, judge: int, patch: tuple[int, int]) -> None:
        super().__init__()
        self.generator = generator
        self.average = deepcopy(generator).requires_grad_(False)
        self.degeneration = degeneration
        self.judge_sm = Discriminator(judge)
        self.judge_model = Discriminator(judge)
        self.fakes_sm = ReplayPool(patch)
        self.fakes_model = ReplayPool(patch)

    @property
    def makers(self) -> list[nn.Parameter]:
        """Weights of G and H."""
        return [*self.generator.parameters(), *self.degeneration.parameters()]

    @property
    def judges(self) -> list[nn.Parameter]:
        """Weights of the discriminators."""
        return [*self.judge_sm.parameters(), *self.judge_model.parameters()]

    def follow(self, decay: float) -> None:
        """Move the average towards G."""
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(new, 1 - decay)
